//go:build linux

package torture_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// patience bounds every wait: a test that waits longer fails.
const patience = 60 * time.Second

// errGone says that the server ended before it answered: the call may have
// taken effect or not.
var errGone = errors.New("the server is gone")

// server is one wt-mcp process and the client that speaks with it. Calls may be
// made side by side.
type server struct {
	cmd    *exec.Cmd
	mark   string // in the environment of the process and of all that it starts
	stdin  io.WriteCloser
	stderr *buffer
	ended  chan struct{}

	mu      sync.Mutex
	next    int
	waiting map[int]chan answer
	garbage []string
}

type answer struct {
	ID     int
	Method string
	Result json.RawMessage
	Error  *struct{ Message string }
}

// reply is the result of a tool: its structured content, or its error.
type reply struct {
	Text  string
	Code  string // of the error; "" where it succeeded
	Value json.RawMessage
}

type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *buffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *buffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// start runs a server on the repository and shakes hands with it.
func (r *repo) start(flags ...string) (*server, error) {
	s := r.command(flags...)
	if err := s.run(); err != nil {
		return nil, err
	}
	return s, s.greet()
}

func (r *repo) command(flags ...string) *server {
	mark := fmt.Sprintf("%s.%d", r.mark, r.servers.Add(1))
	s := &server{mark: mark, stderr: &buffer{}, ended: make(chan struct{}), waiting: map[int]chan answer{}}
	s.cmd = exec.Command(*program, flags...)
	s.cmd.Dir, s.cmd.Stderr = r.dir, s.stderr
	s.cmd.Env = append(os.Environ(), markName+"="+mark+".")
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return s
}

func (s *server) run() error {
	stdout, err := s.pipes()
	if err != nil {
		return err
	}
	if err := s.cmd.Start(); err != nil {
		return err
	}
	go func() {
		s.read(stdout)
		_ = s.cmd.Wait()
		close(s.ended)
	}()
	return nil
}

func (s *server) pipes() (stdout io.Reader, err error) {
	if s.stdin, err = s.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	return s.cmd.StdoutPipe()
}

func (s *server) read(stdout io.Reader) {
	r := bufio.NewReaderSize(stdout, 1<<16)
	for {
		line, err := r.ReadBytes('\n')
		if err != nil {
			return
		}
		var a answer
		s.mu.Lock()
		if json.Unmarshal(line, &a) != nil {
			s.garbage = append(s.garbage, string(line))
		}
		if c, ok := s.waiting[a.ID]; ok && a.Method == "" {
			delete(s.waiting, a.ID)
			c <- a
		}
		s.mu.Unlock()
	}
}

func (s *server) greet() error {
	_, err := s.request("initialize", map[string]any{"protocolVersion": "2025-11-25", "capabilities": map[string]any{},
		"clientInfo": map[string]any{"name": s.mark, "version": "1"}})
	if err == nil {
		err = s.send(map[string]any{"jsonrpc": "2.0", "method": "notifications/initialized"})
	}
	return err
}

func (s *server) send(m map[string]any) error {
	line, err := json.Marshal(m)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.stdin.Write(append(line, '\n')); err != nil {
		return errGone
	}
	return nil
}

func (s *server) request(method string, params any) (json.RawMessage, error) {
	c := make(chan answer, 1)
	s.mu.Lock()
	s.next++
	id := s.next
	s.waiting[id] = c
	s.mu.Unlock()
	if err := s.send(map[string]any{"jsonrpc": "2.0", "id": id, "method": method, "params": params}); err != nil {
		return nil, err
	}
	late := time.NewTimer(patience)
	defer late.Stop()
	var a answer
	select {
	case a = <-c:
	case <-s.ended:
		select {
		case a = <-c: // it answered, then it died: that counts
		default:
			return nil, errGone
		}
	case <-late.C:
		return nil, fmt.Errorf("no answer to %s in %v; stderr: %s", method, patience, s.stderr)
	}
	if a.Error != nil {
		return nil, fmt.Errorf("%s: protocol error: %s", method, a.Error.Message)
	}
	return a.Result, nil
}

type args map[string]any

// call calls a tool. errGone: nobody knows what became of it.
func (s *server) call(tool string, a args) (reply, error) {
	result, err := s.request("tools/call", map[string]any{"name": tool, "arguments": a})
	if err != nil {
		return reply{}, err
	}
	var parsed struct {
		Content           []struct{ Text string }
		StructuredContent json.RawMessage
		IsError           bool
		Meta              map[string]struct{ Code string } `json:"_meta"`
	}
	if err := json.Unmarshal(result, &parsed); err != nil {
		return reply{}, err
	}
	out := reply{Value: parsed.StructuredContent}
	for _, c := range parsed.Content {
		out.Text += c.Text
	}
	if parsed.IsError {
		if out.Code = parsed.Meta["wt-mcp/error"].Code; out.Code == "" {
			return out, fmt.Errorf("%s: an error without a code: %s", tool, out.Text)
		}
	}
	return out, nil
}

// as reads the structured content.
func as[T any](out reply) (v T) {
	_ = json.Unmarshal(out.Value, &v)
	return v
}

// must is a call that succeeds.
func (s *server) must(t testing.TB, tool string, a args) reply {
	t.Helper()
	out, err := s.call(tool, a)
	require.NoError(t, err, "%s %v", tool, a)
	require.Empty(t, out.Code, "%s %v: %s", tool, a, out.Text)
	return out
}

// close ends the session as a client does, and reports what a server must not do.
func (s *server) close() error {
	_ = s.stdin.Close()
	select {
	case <-s.ended:
	case <-time.After(patience):
		_ = s.cmd.Process.Kill()
		return errors.New("the server did not end with its input")
	}
	if !s.cmd.ProcessState.Success() {
		return fmt.Errorf("the server ended with %s; stderr: %s", s.cmd.ProcessState, s.stderr)
	}
	return s.sound()
}

// sound looks for what no server may have written, however it ended.
func (s *server) sound() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, word := range []string{"panic", "fatal error", "DATA RACE"} {
		if strings.Contains(s.stderr.String(), word) {
			return fmt.Errorf("%s: %s", word, s.stderr)
		}
	}
	if len(s.garbage) > 0 {
		return fmt.Errorf("stdout has %q", s.garbage)
	}
	return nil
}

// kill ends the server alone; its children go on.
func (s *server) kill() {
	_ = s.cmd.Process.Kill()
	<-s.ended
}

// killFamily ends the server and everything that it started, as one: it is
// stopped first, so that it starts nothing more.
func (s *server) killFamily() {
	_ = s.cmd.Process.Signal(syscall.SIGSTOP)
	for range 2 { // a child may have had a child meanwhile
		for _, pid := range marked(s.mark + ".") {
			if pid != s.cmd.Process.Pid {
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}
		}
	}
	s.kill()
}

// markName is the variable by which the processes of a test are found again,
// also those that have lost their parent.
const markName = "WT_TORTURE_MARK"

// marked lists the processes that carry the mark.
func marked(mark string) (pids []int) {
	found, _ := filepath.Glob("/proc/[1-9]*/environ")
	for _, name := range found {
		env, err := os.ReadFile(name)
		if err == nil && bytes.Contains(env, []byte(markName+"="+mark)) {
			pid, _ := strconv.Atoi(strings.Split(name, "/")[2])
			pids = append(pids, pid)
		}
	}
	return pids
}

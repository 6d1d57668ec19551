package main

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"
)

// patience bounds every wait for the server: a test that waits longer fails.
const patience = 30 * time.Second

const (
	legacyVersion = "2025-11-25"
	modernVersion = "2026-07-28"
)

// peer is an MCP client without an SDK: it writes lines to a real wt-mcp process
// and sees every byte that comes back. Every line that the server writes is held
// to the protocol; what breaks it is returned by close. It is safe for
// concurrent use.
type peer struct {
	o       peerOptions
	cmd     *exec.Cmd
	stdin   io.WriteCloser
	stderr  *lockedBuffer
	schemas toolSchemas
	stray   chan message // answers with id null
	ended   chan struct{}

	mu      sync.Mutex
	n       int
	waiting map[string]chan message
	notes   []message
	faults  []error
}

type peerOptions struct {
	dir     string
	env     []string
	flags   []string
	command string   // default: wt-mcp on the PATH of the test
	roots   []string // directories that the client says it works in (legacy era)
	client  string   // its name; default: e2e
	modern  bool
	silent  bool // no handshake
}

// message is one line of the server.
type message struct {
	JSONRPC string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id"`
	Method  string          `json:"method"`
	Params  json.RawMessage `json:"params"`
	Result  json.RawMessage `json:"result"`
	Error   *struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	} `json:"error"`

	line string
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// dial starts a server, shakes hands with it and learns its tools.
func dial(o peerOptions) (*peer, error) {
	o.command, o.client = cmp.Or(o.command, "wt-mcp"), cmp.Or(o.client, "e2e")
	p := &peer{o: o, stderr: &lockedBuffer{}, waiting: map[string]chan message{}, stray: make(chan message, 100), ended: make(chan struct{})}
	if !slices.Contains(o.flags, "--answers") {
		o.flags = append([]string{"--answers", "both"}, o.flags...)
	}
	p.cmd = exec.Command(o.command, o.flags...)
	p.cmd.Dir, p.cmd.Env, p.cmd.Stderr = o.dir, o.env, p.stderr
	stdin, err := p.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	p.stdin = stdin
	go p.read(stdout)
	if o.silent {
		return p, nil
	}
	if err := p.greet(); err != nil {
		p.kill()
		return nil, fmt.Errorf("%w\nstderr: %s", err, p.stderr)
	}
	return p, nil
}

func (p *peer) read(stdout io.Reader) {
	defer close(p.ended)
	r := bufio.NewReaderSize(stdout, 1<<20)
	for {
		line, err := r.ReadString('\n')
		if line != "" {
			p.take(line)
		}
		if err != nil {
			return
		}
	}
}

func (p *peer) take(line string) {
	m, err := parseLine(line)
	switch {
	case err != nil:
		p.fault(fmt.Errorf("stdout line %.300q: %w", line, err))
	case m.Method != "" && m.ID != nil:
		p.asked(m)
	case m.Method != "":
		p.mu.Lock()
		p.notes = append(p.notes, m)
		p.mu.Unlock()
	case string(m.ID) == "null":
		p.stray <- m
	default:
		p.mu.Lock()
		c, ok := p.waiting[string(m.ID)]
		delete(p.waiting, string(m.ID))
		p.mu.Unlock()
		if !ok {
			p.fault(fmt.Errorf("an answer to no request in flight: %.300s", line))
			return
		}
		c <- m
	}
}

// asked answers a request of the server.
func (p *peer) asked(m message) {
	p.mu.Lock()
	dirs := p.o.roots
	p.mu.Unlock()
	if m.Method != "roots/list" || len(dirs) == 0 || p.o.modern {
		p.fault(fmt.Errorf("the server asked what it must not: %s", m.line))
		return
	}
	type root struct {
		URI string `json:"uri"`
	}
	var roots []root
	for _, dir := range dirs {
		roots = append(roots, root{"file://" + dir})
	}
	_ = p.write(mustJSON(map[string]any{"jsonrpc": "2.0", "id": m.ID, "result": map[string]any{"roots": roots}}))
}

// move tells the server that the client works elsewhere now.
func (p *peer) move(dirs ...string) error {
	p.mu.Lock()
	p.o.roots = dirs
	p.mu.Unlock()
	return p.notify("notifications/roots/list_changed", map[string]any{})
}

func (p *peer) fault(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = append(p.faults, err)
}

func (p *peer) write(line []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, err := p.stdin.Write(append(slices.Clone(line), '\n'))
	return err
}

// nextID takes turns among the forms of an id, all of which must come back as
// they are: beyond float64, a fraction, text with escapes.
func (p *peer) nextID() json.RawMessage {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.n++
	forms := []string{"%d", `"r-%d"`, "900719925474099%d3", `"\u00e9\n%d"`, "%d.50"}
	return json.RawMessage(fmt.Sprintf(forms[p.n%len(forms)], p.n))
}

// begin sends a request; its answer comes on the channel.
func (p *peer) begin(method string, params map[string]any) (json.RawMessage, <-chan message, error) {
	id := p.nextID()
	if params == nil {
		params = map[string]any{}
	}
	if p.o.modern {
		given, _ := params["_meta"].(map[string]any)
		params["_meta"] = p.modernMeta()
		maps.Copy(params["_meta"].(map[string]any), given)
	}
	answer := p.expect(string(id))
	line := mustJSON(map[string]any{"jsonrpc": "2.0", "id": id, "method": method, "params": params})
	return id, answer, p.write(line)
}

func (p *peer) modernMeta() map[string]any {
	return map[string]any{
		"io.modelcontextprotocol/protocolVersion":    modernVersion,
		"io.modelcontextprotocol/clientCapabilities": map[string]any{},
		"io.modelcontextprotocol/clientInfo":         map[string]any{"name": p.o.client, "version": "1"},
	}
}

func (p *peer) expect(id string) <-chan message {
	answer := make(chan message, 1)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting[id] = answer
	return answer
}

func (p *peer) await(answer <-chan message) (message, error) {
	select {
	case m := <-answer:
		return m, nil
	case <-p.ended:
		select {
		case m := <-answer:
			return m, nil
		default:
			return message{}, fmt.Errorf("the server ended without an answer; stderr: %s", p.stderr)
		}
	case <-time.After(patience):
		return message{}, fmt.Errorf("no answer in %v; stderr: %s", patience, p.stderr)
	}
}

// request sends a request and returns its result.
func (p *peer) request(method string, params map[string]any) (json.RawMessage, error) {
	_, answer, err := p.begin(method, params)
	if err != nil {
		return nil, err
	}
	m, err := p.await(answer)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", method, err)
	case m.Error != nil:
		return nil, fmt.Errorf("%s: protocol error %d: %s", method, m.Error.Code, m.Error.Message)
	}
	return m.Result, nil
}

// beginCall sends a tools/call.
func (p *peer) beginCall(tool, args string) (json.RawMessage, <-chan message, error) {
	return p.begin("tools/call", map[string]any{"name": tool, "arguments": json.RawMessage(args)})
}

// call calls a tool, holds the answer to the contract and returns it.
func (p *peer) call(tool, args string) (result, error) {
	_, answer, err := p.beginCall(tool, args)
	if err != nil {
		return result{}, err
	}
	return p.callResult(tool, args, answer)
}

func (p *peer) callResult(tool, args string, answer <-chan message) (result, error) {
	m, err := p.await(answer)
	if err != nil {
		return result{}, fmt.Errorf("%s: %w", tool, err)
	}
	if m.Error != nil {
		return result{}, fmt.Errorf("%s %s: protocol error %d: %s", tool, args, m.Error.Code, m.Error.Message)
	}
	var r result
	if err := json.Unmarshal(m.Result, &r); err != nil {
		return result{}, fmt.Errorf("%s: %w", tool, err)
	}
	if err := p.schemas.check(tool, args, r, p.o.modern); err != nil {
		return r, fmt.Errorf("%s %.200s: %w\nresult: %.2000s", tool, args, err, m.line)
	}
	return r, nil
}

func (p *peer) notify(method string, params map[string]any) error {
	if p.o.modern {
		params["_meta"] = p.modernMeta()
	}
	return p.write(mustJSON(map[string]any{"jsonrpc": "2.0", "method": method, "params": params}))
}

func (p *peer) greet() error {
	if err := p.shakeHands(); err != nil {
		return err
	}
	list, err := p.request("tools/list", nil)
	if err != nil {
		return err
	}
	p.schemas, err = readSchemas(list)
	return err
}

func (p *peer) shakeHands() error {
	if p.o.modern {
		answer, err := p.request("server/discover", nil)
		if err != nil {
			return err
		}
		return checkDiscover(answer)
	}
	capabilities := map[string]any{}
	if len(p.o.roots) > 0 {
		capabilities["roots"] = map[string]any{}
	}
	answer, err := p.request("initialize", map[string]any{"protocolVersion": legacyVersion, "capabilities": capabilities,
		"clientInfo": map[string]any{"name": p.o.client, "version": "1"}})
	if err != nil {
		return err
	}
	if err := checkInitialize(answer); err != nil {
		return err
	}
	return p.notify("notifications/initialized", map[string]any{})
}

// hangUp ends the server's input.
func (p *peer) hangUp() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stdin.Close()
}

// close ends the session: the server must go at once with exit code 0, and have
// kept to the protocol all the time.
func (p *peer) close() error {
	_ = p.hangUp()
	return p.wait()
}

func (p *peer) wait() error {
	kill := time.AfterFunc(patience, func() { p.kill() })
	<-p.ended
	err := p.cmd.Wait()
	if !kill.Stop() {
		err = errors.Join(errors.New("the server did not end"), err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	errs := append(slices.Clone(p.faults), err)
	for id := range p.waiting {
		errs = append(errs, fmt.Errorf("request %s was not answered", id))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("%w\nstderr: %s", err, p.stderr)
	}
	return nil
}

func (p *peer) kill() { _ = p.cmd.Process.Kill() }

// die is kill, and the wait until nothing is left of the server.
func (p *peer) die() {
	p.kill()
	<-p.ended
	_ = p.cmd.Wait()
}

func mustJSON(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// parseLine holds one line of stdout to the protocol.
func parseLine(line string) (message, error) {
	var m message
	body, ok := strings.CutSuffix(line, "\n")
	switch {
	case !ok:
		return m, errors.New("no newline at its end")
	case !strings.HasPrefix(body, "{") || strings.ContainsAny(body, "\r\n"):
		return m, errors.New("is no JSON object on one line")
	}
	if err := json.Unmarshal([]byte(body), &m); err != nil {
		return m, err
	}
	m.line = body
	switch answers := (m.Result != nil) != (m.Error != nil); {
	case m.JSONRPC != "2.0":
		return m, errors.New("jsonrpc is not 2.0")
	case m.Method == "" && (m.ID == nil || !answers):
		return m, errors.New("is neither request, notification nor response")
	}
	return m, nil
}

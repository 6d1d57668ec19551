package runner

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"
)

// SuperviseCommand is the hidden command under which a program is to call
// Supervise.
const SuperviseCommand = "__supervise"

// startTime is what a supervisor has to start a shell.
const startTime = 30 * time.Second

var errGone = errors.New("the supervisor died")

// keeper is the server's end of one supervisor process.
type keeper struct {
	cmd     *exec.Cmd
	in      io.WriteCloser
	reports chan report // closed when the process has ended

	mu sync.Mutex // of in
}

// newKeeper starts a supervisor. It is not told of a run yet.
func newKeeper() (*keeper, error) {
	self, err := selfPath()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	cmd := exec.Command(self)
	cmd.Args = []string{os.Args[0], SuperviseCommand}
	cmd.Dir = string(os.PathSeparator)
	cmd.Env = supervisorEnvironment(os.Environ())
	detach(cmd)
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start supervisor: %w", err)
	}
	k := &keeper{cmd: cmd, in: in, reports: make(chan report, 1)}
	go k.receive(out)
	_ = k.send(order{Environ: os.Environ()}) // where it is gone, the order to run says so
	return k, nil
}

func (k *keeper) receive(out io.Reader) {
	defer close(k.reports)
	dec := json.NewDecoder(out)
	for {
		var r report
		if dec.Decode(&r) != nil {
			k.cmd.Wait()
			return
		}
		k.reports <- r
	}
}

// send never waits long: a supervisor reads its orders while it runs.
func (k *keeper) send(o order) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return json.NewEncoder(k.in).Encode(o)
}

// dismiss lets the supervisor know that the server needs it no more.
func (k *keeper) dismiss() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.in.Close()
}

// start has the supervisor begin a run.
func (k *keeper) start(s Spec) (Record, error) {
	if err := k.send(order{Run: &s}); err != nil {
		return Record{}, errGone
	}
	limit := time.NewTimer(startTime)
	defer limit.Stop()
	var r report
	var ok bool
	select {
	case r, ok = <-k.reports:
	case <-limit.C:
		k.send(order{Stop: s.ID})
		return Record{}, fmt.Errorf("start run %s: the supervisor did not answer in %v", s.ID, startTime)
	}
	switch {
	case !ok:
		return Record{}, errGone
	case r.Failed != nil:
		return Record{}, r.Failed.error()
	case r.Started == nil:
		return Record{}, fmt.Errorf("start run %s: the supervisor said nothing of it", s.ID)
	}
	r.Started.Command, r.Started.EnvDropped = s.Script, s.Dropped
	return *r.Started, nil
}

package runner

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"wt-mcp/state/osfs"
)

// Bounds of one server.
const (
	atOnce   = 16  // runs
	inQueue  = 256 // calls that wait for one of them to end
	spares   = 2   // supervisors that wait for the next run
	spareFor = time.Minute
)

// ErrBusy is what Start answers where too many runs are going or queued.
var ErrBusy = errors.New("too many runs at once")

// Teller puts the end of a run on the board before it returns, and may add to the
// record what it found. doubt says that somebody may have done so already and died.
type Teller func(r *Record, doubt bool) error

// Jobs starts runs, and finds those that any process started. It is safe for
// concurrent use by goroutines and processes.
type Jobs struct {
	ReadOnly bool // a run whose supervisor died is shown as over, and its record stays

	Sharing func() osfs.Sharing // who may use the repository; nil: the umask decides

	dir  string
	tell Teller

	slots  chan struct{}
	queued atomic.Int32

	mu     sync.Mutex
	idle   []*keeper
	active map[string]*Run
	closed bool
}

// NewJobs returns the runs whose records are in dir. tell hears of every end,
// once, whoever started the run.
func NewJobs(dir string, tell Teller) *Jobs {
	return &Jobs{dir: dir, tell: tell, slots: make(chan struct{}, atOnce), active: map[string]*Run{}}
}

func (j *Jobs) sharing() osfs.Sharing {
	if j.Sharing == nil {
		return osfs.Sharing{}
	}
	return j.Sharing()
}

// Run is a run that this process started.
type Run struct {
	Record Record        // as it was at the start
	Done   chan struct{} // closed when it is over, on record and told
	keeper *keeper
}

// Start starts a run once fewer than 16 others of this process are going; ctx
// ends the wait for that, with ErrBusy where it has a deadline. May has the
// last word, after the wait. Dir is ours to set.
func (j *Jobs) Start(ctx context.Context, s Spec, may func() error) (*Run, error) {
	s.Dir = j.dir
	if err := s.Check(); err != nil {
		return nil, err
	}
	if err := makeDir(j.dir, j.sharing()); err != nil {
		return nil, err
	}
	if err := j.enter(ctx); err != nil {
		return nil, err
	}
	run, err := j.admit(s, may)
	if err != nil {
		<-j.slots
		return nil, err
	}
	go j.follow(run)
	return run, nil
}

func (j *Jobs) admit(s Spec, may func() error) (*Run, error) {
	if err := may(); err != nil {
		return nil, err
	}
	k, record, err := j.begin(s)
	if err != nil {
		return nil, err
	}
	run := &Run{Record: record, Done: make(chan struct{}), keeper: k}
	j.mu.Lock()
	j.active[s.ID] = run
	closed := j.closed
	j.mu.Unlock()
	if closed {
		k.dismiss()
	}
	return run, nil
}

// enter waits for a slot, in a queue that is bounded in length and by ctx in time.
func (j *Jobs) enter(ctx context.Context) error {
	select {
	case j.slots <- struct{}{}:
		return nil
	default:
	}
	if n := j.queued.Add(1); n > inQueue {
		j.queued.Add(-1)
		return fmt.Errorf("%w: %d are going and %d wait", ErrBusy, atOnce, inQueue)
	}
	defer j.queued.Add(-1)
	select {
	case j.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return fmt.Errorf("%w: %d are going, and none ended in time", ErrBusy, atOnce)
		}
		return ctx.Err()
	}
}

// begin has a spare supervisor or a new one start the run.
func (j *Jobs) begin(s Spec) (*keeper, Record, error) {
	for {
		k := j.spare()
		fresh := k == nil
		if fresh {
			var err error
			if k, err = newKeeper(); err != nil {
				return nil, Record{}, err
			}
		}
		r, err := k.start(s)
		if errors.Is(err, errGone) {
			var begun bool
			if r, begun = j.begun(s); begun {
				return k, r, nil
			}
			if !fresh {
				continue
			}
		}
		if err != nil {
			var refused remoteError
			j.release(k, errors.As(err, &refused))
		}
		return k, r, err
	}
}

// begun reports whether a supervisor died after it had put a run on record. What
// it did before that is undone.
func (j *Jobs) begun(s Spec) (Record, bool) {
	r, err := readRecord(j.dir, s.ID)
	if err == nil {
		return r, true
	}
	endMarked(s.ID)
	removeFile(file(j.dir, s.ID, ".log"))
	removeFile(file(j.dir, s.ID, ".lock"))
	return Record{}, false
}

func (j *Jobs) spare() *keeper {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.idle) == 0 {
		return nil
	}
	k := j.idle[len(j.idle)-1]
	j.idle = j.idle[:len(j.idle)-1]
	return k
}

// release keeps a supervisor for the next run, for a while.
func (j *Jobs) release(k *keeper, usable bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if !usable || j.closed || len(j.idle) >= spares {
		k.dismiss()
		return
	}
	j.idle = append(j.idle, k)
	time.AfterFunc(spareFor, func() { j.retire(k) })
}

func (j *Jobs) retire(k *keeper) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for i := range j.idle {
		if j.idle[i] == k {
			j.idle = append(j.idle[:i], j.idle[i+1:]...)
			k.dismiss()
			return
		}
	}
}

// follow waits for the end of a run and has it told.
func (j *Jobs) follow(run *Run) {
	id := run.Record.ID
	report, ok := <-run.keeper.reports
	j.release(run.keeper, ok && report.Ended != nil && !report.Ended.Background && len(report.Ended.Survivors) == 0)
	j.settle(id, false)
	j.mu.Lock()
	delete(j.active, id)
	j.mu.Unlock()
	close(run.Done)
	<-j.slots
}

// Going reports whether this process started a run whose end is not told yet.
func (j *Jobs) Going(id string) bool { return j.mine(id) != nil }

// mine returns a run that this process started and that is not over.
func (j *Jobs) mine(id string) *Run {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.active[id]
}

// Close ends the foreground runs of this process and waits for that; background
// runs go on.
func (j *Jobs) Close() {
	j.mu.Lock()
	j.closed = true
	var ending []*Run
	for _, run := range j.active {
		run.keeper.dismiss()
		if !run.Record.Background {
			ending = append(ending, run)
		}
	}
	for _, k := range j.idle {
		k.dismiss()
	}
	j.idle = nil
	j.mu.Unlock()
	limit := time.Now().Add(lastWait + grace)
	for _, run := range ending {
		within(time.Until(limit), run.Done)
	}
}

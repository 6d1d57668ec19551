package runs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"wt-mcp/git"
	"wt-mcp/state"
	"wt-mcp/tools/config"
	"wt-mcp/tools/rules"
	"wt-mcp/tools/runner"
)

// Runs are the commands that run in the worktrees of one board, as one process sees
// them. It is safe for concurrent use.
type Runs struct {
	Jobs   *runner.Jobs
	State  state.Store
	Git    *git.Repo
	Log    *slog.Logger
	Config config.Files // what is allowed
	Env    []string     // what the commands may inherit

	background sync.WaitGroup
	started    atomic.Int64
	escapes    escapes
}

// New joins the runs of a repository with its board.
func New(s state.Store, g *git.Repo, log *slog.Logger, set config.Files, env []string) *Runs {
	r := &Runs{State: s, Git: g, Log: log, Config: set, Env: env}
	r.Jobs = runner.NewJobs(filepath.Join(g.Private(), "runs"), r.tellEnd)
	return r
}

// Close ends the foreground runs of this process, and waits until all is told.
func (r *Runs) Close() {
	r.Jobs.Close()
	r.background.Wait()
}

// By is who runs something.
type By struct {
	Rules    rules.Rules
	Clear    func(ctx context.Context, name string, task *int, then func(*state.Tx) error) error // see ops.Ops.Clear
	Change   func(context.Context, func(*state.Tx) error) error                                  // changes the board
	Progress func(seconds float64, message string)                                               // nil where nobody listens
}

// Runner runs commands for one caller.
type Runner struct {
	*Runs
	By
}

// For returns the runs as the caller has them.
func (r *Runs) For(by By) Runner { return Runner{r, by} }

// Order is a command to run.
type Order struct {
	ID         string // of the run; empty: a new one
	Worktree   state.Worktree
	Command    string
	Timeout    time.Duration // 0: the usual
	Wait       time.Duration // for its end, at most
	Background bool          // it outlives this process
	Env        map[string]string
	Own        []string // variables of ours, which no configuration denies
	Claim      state.Token
	Hold       func(context.Context) error // looks at the claim when the queue lets the command begin
	Settings   config.Settings
	Budget     int // bytes of output in the answer
}

// settleEvery is after how many runs old logs are swept.
const settleEvery = 64

// Run runs a command, and waits for its end for a while. Where the caller gives up,
// a foreground run is ended.
func (r Runner) Run(ctx context.Context, o Order) (Out, error) {
	spec, err := r.spec(ctx, o)
	if err != nil {
		return Out{}, err
	}
	began := time.Now()
	queue, cancel := context.WithTimeout(ctx, max(o.Wait, time.Second))
	defer cancel()
	run, err := r.Jobs.Start(queue, spec, func() error { return o.Hold(ctx) })
	if err != nil {
		return Out{}, Error(err)
	}
	if r.started.Add(1)%settleEvery == 0 {
		r.SettleOld()
	}
	if o.Background {
		o.Wait = 0
	}
	if err := r.see(ctx, run.Record, r.claiming(o.Claim), o.Wait-time.Since(began)); err != nil {
		return Out{}, err
	}
	if ctx.Err() != nil && !o.Background {
		r.giveUp(ctx, spec.ID)
	}
	return r.Read(spec.ID, o.Budget)
}

// see tells the start of a run on the board while it is waited for, and ends it where
// the board refuses it.
func (r Runner) see(ctx context.Context, run runner.Record, may admission, wait time.Duration) error {
	started := r.tellStart(run, may)
	r.Follow(ctx, run.ID, wait, nil)
	if err := <-started; err != nil {
		return r.endRefused(ctx, run.ID, err)
	}
	return nil
}

func (r Runner) giveUp(ctx context.Context, id string) {
	ctx, cancel := lasting(ctx)
	defer cancel()
	if _, err := r.Jobs.Stop(ctx, id, "the call was cancelled"); err != nil {
		r.Log.Warn("end a cancelled run", "run", id, "error", err)
	}
}

// endRefused ends a run that the board did not take, and says how far it got.
func (r Runner) endRefused(ctx context.Context, id string, cause error) error {
	ctx, cancel := lasting(ctx)
	defer cancel()
	run, err := r.Jobs.Stop(ctx, id, "the board refused it")
	var refused *state.Error
	if err != nil || !errors.As(cause, &refused) {
		return errors.Join(cause, err)
	}
	e, end := *refused, "was ended"
	if run.Status == runner.Exited {
		end = fmt.Sprintf("went to its end, exit code %d,", run.ExitCode)
	}
	e.Message += fmt.Sprintf("; the command had begun by then and %s after %.2f s: what it did stays, see run_output %s", end, run.Duration, id)
	return e.With("run_id", id)
}

// cleanupTime bounds what must still be done for a call that has ended.
const cleanupTime = 30 * time.Second

// lasting is a context for steps that a cancelled call must not leave out.
func lasting(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), cleanupTime)
}

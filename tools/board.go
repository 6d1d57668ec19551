package tools

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"wt-mcp/git"
	"wt-mcp/state"
	"wt-mcp/tools/config"
	"wt-mcp/tools/ops"
	"wt-mcp/tools/rules"
	"wt-mcp/tools/runs"
)

// Board is the task board of one repository and the worktrees bound to it. Its
// methods are the tools. It is safe for concurrent use; any number of boards in
// any number of processes of one machine may stand on one repository.
type Board struct {
	Parts
	Runs   *runs.Runs   // the commands that run in the worktrees
	Config config.Files // what runs are allowed

	Caller

	shared *shared
}

// Parts are what a board is joined from.
type Parts struct {
	State    state.Store
	Git      *git.Repo
	Log      *slog.Logger
	Env      []string // what the commands of a run may inherit
	ReadOnly bool     // also mends nothing unasked
}

// Claims are those that one caller was given: its calls need not repeat them.
type Claims = rules.Held

// Caller is who makes a call.
type Caller struct {
	Actor           string  // shown in events and notes
	Session, Thread string  // of the client, where it says so: threads of one client are callers of their own
	Held            *Claims // the claims that it was given; the board has some for who brings none

	// Waiting is set where this process makes the one call that its own callers wait
	// for, such as a shell or a hook: they are not at work meanwhile.
	Waiting bool

	// Progress, where it is set, is told how a call that takes long gets on. Seconds grow.
	Progress func(seconds float64, message string)
}

// shared is what the copies of a board have in common.
type shared struct {
	excluded   sync.Once
	excludeErr error
	background sync.WaitGroup
	tending    tending
	watching   watching
	lines      lines
	goings     goings
	targets    glances[git.Target]
	looks      chan struct{} // the looks at lanes that are to land, so many at a time
	measuring  atomic.Bool
	closing    chan struct{} // closed when the board is: what nobody waits for ends
	close      sync.Once
}

// NewBoard joins a store and its repository.
func NewBoard(p Parts) *Board {
	b := &Board{Parts: p, shared: &shared{closing: make(chan struct{}), looks: make(chan struct{}, 2*runtime.NumCPU())}, Config: config.Find(variable(p.Env), p.State.Root())}
	b.Held = &rules.Held{}
	b.Runs = runs.New(p.State, p.Git, p.Log, b.Config, p.Env)
	b.Runs.Jobs.ReadOnly, b.Runs.Jobs.Sharing = p.ReadOnly, p.Git.Sharing
	return b
}

// For returns the board as the caller has it.
func (b *Board) For(c Caller) *Board {
	own := *b
	own.Caller = c
	if c.Held == nil {
		own.Held = b.Held
	}
	return &own
}

// variable finds variables in an environment.
func variable(env []string) func(string) string {
	return func(name string) string {
		for _, entry := range env {
			if value, ok := strings.CutPrefix(entry, name+"="); ok {
				return value
			}
		}
		return ""
	}
}

// Close ends the foreground runs of this process and waits for work that goes on
// behind finished calls.
func (b *Board) Close() {
	b.shared.tending.close()
	b.shared.watching.close()
	b.Runs.Close()
	b.shared.close.Do(func() { time.AfterFunc(closeTime, func() { close(b.shared.closing) }) })
	b.shared.background.Wait()
	b.State.Close()
	b.Git.Close()
}

// closeTime is what Close leaves to work that nobody waits for.
const closeTime = 100 * time.Millisecond

// cleanupTime bounds what must still be done for a call that has ended.
const cleanupTime = 30 * time.Second

// lasting is a context for steps that a cancelled call must not leave out.
func lasting(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), cleanupTime)
}

// update changes the board. The first change of a process makes sure that git
// does not show the board's files.
func (b *Board) update(ctx context.Context, fn func(*state.Tx) error) error {
	b.shared.excluded.Do(func() { b.shared.excludeErr = b.Git.Exclude("/"+state.TasksDir+"/", "/"+state.WorktreesDir+"/") })
	if err := b.shared.excludeErr; err != nil {
		b.Log.Warn("the board shows up in git status", "error", err)
	}
	err := b.State.Update(ctx, fn)
	if errors.Is(err, state.ErrIndex) && b.rebuildIndex(ctx) == nil {
		err = b.State.Update(ctx, fn)
	}
	return err
}

// prime has the tasks read before a change that needs all of them, so that the
// board's lock is held briefly.
func (b *Board) prime(ctx context.Context, needed bool) error {
	if !needed {
		return nil
	}
	return b.State.Prime(ctx)
}

// worktreePath is where a new worktree of that name goes.
func (b *Board) worktreePath(name string) string {
	return filepath.Join(b.worktreesDir(), name)
}

// worktreesDir is where the board's own worktrees are.
func (b *Board) worktreesDir() string { return filepath.Join(b.State.Root(), state.WorktreesDir) }

// ops are the changes of board and git for the board's caller.
func (b *Board) ops() ops.Ops {
	return ops.Ops{State: b.State, Git: b.Git, Log: b.Log, Rules: b.rules(), Change: b.update, Include: b.include,
		Limit:     func() int64 { return b.settings().SnapshotBytes },
		Recovered: b.runner().SetUpFound,
		Removed:   b.tidy}
}

// runner runs commands for the board's caller.
func (b *Board) runner() runs.Runner {
	return b.Runs.For(runs.By{Rules: b.rules(), Change: b.update, Progress: b.Progress,
		Clear: func(ctx context.Context, name string, task *int, then func(*state.Tx) error) error {
			return b.ops().Clear(ctx, name, task, then)
		}})
}

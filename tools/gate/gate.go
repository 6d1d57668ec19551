package gate

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"wt-mcp/git"
	"wt-mcp/state"
	"wt-mcp/tools/config"
	"wt-mcp/tools/runner"
	"wt-mcp/tools/runs"
)

// Gate is what a tree must pass: the checks as they were configured when it was made.
// It is safe for concurrent use.
type Gate struct {
	Git      *git.Repo
	State    state.Store // keeps what passed
	Jobs     *runner.Jobs
	Settings config.Settings
	Env      []string // what the checks may inherit
	Actor    string

	Progress func(message string) // nil where nobody listens
}

// Verdict is what became of the checks.
type Verdict struct {
	Passed   bool
	Cached   bool          // it had passed before
	Check    string        // the one that failed,
	Command  string        // what it is,
	Status   runner.Status // how it ended,
	ExitCode int
	RunID    string // and what shows its output
	Output   string // the end of that
	Seconds  float64
}

// shown is how much of a failed check's output a verdict has, in bytes.
const shown = 2500

// Open reports whether there is nothing to pass.
func (g Gate) Open() bool { return len(g.Settings.Checks) == 0 }

// Hash tells gates apart: what two with the same hash run is the same.
func (g Gate) Hash() string {
	hash := sha256.New()
	fmt.Fprintf(hash, "%q\n", g.Settings.Shell)
	for _, c := range g.Settings.Checks {
		fmt.Fprintf(hash, "%q %q\n", c.Name, c.Command)
	}
	return hex.EncodeToString(hash.Sum(nil)[:16])
}

// Try has the tree of a commit pass the checks. A check that fails or runs out of time
// is a verdict. An error says that there is none.
func (g Gate) Try(ctx context.Context, commit, tree string) (Verdict, error) {
	if g.Open() || g.passed(tree) {
		return Verdict{Passed: true, Cached: true}, nil
	}
	began := time.Now()
	place, err := g.Git.TakeCheckout(filepath.Join(g.State.Root(), state.WorktreesDir), g.unused)
	if err != nil {
		return Verdict{}, err
	}
	defer place.Close()
	g.tell("laying out what would land")
	if err := place.Lay(ctx, commit, g.Settings.CheckFresh); err != nil {
		return Verdict{}, err
	}
	v := Verdict{Passed: true}
	for _, c := range g.Settings.Checks {
		if v, err = g.check(ctx, place, c, g.Settings.CheckTimeout-time.Since(began)); err != nil || !v.Passed {
			break
		}
	}
	v.Seconds = time.Since(began).Seconds()
	if err == nil && v.Passed {
		err = g.remember(tree)
	}
	return v, err
}

// unused reports that the last command in a checkout has ended. One whose server was
// killed takes a moment.
func (g Gate) unused(c *git.Checkout) bool {
	id := c.Noted()
	if !runner.IsID(id) {
		return true
	}
	_, going := g.Jobs.Peek(id)
	return !going
}

// check runs one check to its end. Where ctx ends it, that is an error.
func (g Gate) check(ctx context.Context, place *git.Checkout, c config.Check, limit time.Duration) (v Verdict, err error) {
	spec := g.spec(place, c, max(limit, time.Millisecond))
	if err := place.Note(spec.ID); err != nil {
		return v, err
	}
	run, err := g.Jobs.Start(ctx, spec, func() error { return nil })
	if err != nil {
		return v, fmt.Errorf("run check %s: %w", c.Name, err)
	}
	g.await(ctx, run, c.Name)
	if ctx.Err() != nil {
		return v, errors.Join(context.Cause(ctx), g.end(spec.ID))
	}
	r, err := g.Jobs.Get(spec.ID)
	if err != nil {
		return v, err
	}
	v = Verdict{Passed: r.Status == runner.Exited && r.ExitCode == 0, Check: c.Name, Command: c.Command, Status: r.Status, ExitCode: r.ExitCode, RunID: r.ID}
	if v.Passed {
		return v, nil
	}
	if r.Status == runner.Cancelled {
		return v, fmt.Errorf("check %s was cancelled: %s", c.Name, r.Cause)
	}
	log, err := g.Jobs.Log(r)
	if err == nil {
		v.Output, err = log.Ending(shown)
	}
	return v, err
}

func (g Gate) spec(place *git.Checkout, c config.Check, limit time.Duration) runner.Spec {
	set := g.Settings
	s := runner.Spec{ID: runner.NewID(time.Now()), Path: place.Path, Script: c.Command, Shell: set.Shell, Timeout: limit,
		LogLimit: set.LogLimit, Actor: g.Actor, Root: g.State.Root()}
	s.Env, s.Dropped = runs.Environment(g.Env, set, map[string]string{"WT_MCP_CHECK": c.Name, runner.MarkVariable: s.ID})
	return s
}

// await waits for the end of a check, and tells once a second how it gets on.
func (g Gate) await(ctx context.Context, run *runner.Run, name string) {
	began, tick := time.Now(), time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		line := ""
		if log, err := g.Jobs.Log(run.Record); err == nil && g.Progress != nil {
			line = ": " + state.Clip(state.Visible(log.LastLine()), 200)
		}
		g.tell(fmt.Sprintf("check %s, %.0f s%s", name, time.Since(began).Seconds(), line))
		select {
		case <-run.Done:
			return
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// end ends a check that nobody wants any more.
func (g Gate) end(id string) error {
	const limit = 30 * time.Second
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	_, err := g.Jobs.Stop(ctx, id, "the landing was given up")
	return err
}

func (g Gate) tell(message string) {
	if g.Progress != nil {
		g.Progress(message)
	}
}

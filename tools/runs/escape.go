package runs

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"wt-mcp/state"
	"wt-mcp/state/osfs"
	"wt-mcp/tools/runner"
)

const (
	lookTime    = 2 * time.Second  // for git to compare the main checkout with HEAD
	lookPause   = 10 * time.Minute // after it took longer
	lateness    = 2 * time.Second  // of a change that still belongs to a run
	mostEscapes = 20
	mostEntries = 2000 // of a main checkout that is small enough to look at without git
	unseenNote  = "the main checkout was not looked at for changes, or not at all of it: git status takes too long there, or cannot read all"
)

// findEscapes notes on the record of a run that is over what changed in the main
// checkout while it went, whoever did it: files that differ from HEAD and were
// changed in that time, and HEAD. It does not see ignored files, submodules, and
// changes that were taken back.
func (r *Runs) findEscapes(ctx context.Context, run *runner.Record) {
	if r.Git.Bare() || time.Now().UnixNano() < r.escapes.lookAgain.Load() {
		run.MainUnseen = !r.Git.Bare()
		return
	}
	since, err := r.Jobs.Began(run.ID)
	if err != nil {
		since = state.Time(run.StartedAt)
	}
	while := period{since, state.Time(run.EndedAt).Add(lateness)}
	if r.untouched(since) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	began := time.Now()
	changed, err := r.Git.MainChanges(ctx)
	if run.MainUnseen = err != nil; err != nil {
		r.Log.Warn("look for changes in the main checkout", "error", err)
		if ctx.Err() != nil {
			r.escapes.lookAgain.Store(time.Now().Add(lookPause).UnixNano())
		}
	}
	escaped := r.changedIn(while, changed, began)
	if more := len(escaped) - mostEscapes; more > 0 {
		escaped = append(escaped[:mostEscapes], fmt.Sprintf("and %d more", more))
	}
	run.MainChanges = escaped
}

// untouched reports whether nothing at all has changed in a small main checkout:
// then git need not be asked, which takes longer than most commands.
func (r *Runs) untouched(since time.Time) bool {
	if r.escapes.large.Load() || !r.Git.MainHeadMoved().Before(since) {
		return false
	}
	seen, touched := 0, false
	err := filepath.WalkDir(r.Git.Root(), func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name := e.Name(); e.IsDir() && (name == ".git" || filepath.Dir(path) == r.Git.Root() && (name == state.TasksDir || name == state.WorktreesDir)) {
			return fs.SkipDir
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		seen++
		if touched = !osfs.StatusChange(info).Before(since); touched || seen > mostEntries {
			return fs.SkipAll
		}
		return nil
	})
	if seen > mostEntries {
		r.escapes.large.Store(true)
		return false
	}
	return err == nil && !touched
}

// escapes is what looks at the main checkout have in common.
type escapes struct {
	lookAgain atomic.Int64 // when it is looked at again, in Unix nanoseconds
	lastLook  atomic.Pointer[look]
	large     atomic.Bool // it has more than mostEntries
}

// look is what was missing of the main checkout when it was last looked at.
type look struct {
	at   time.Time
	gone map[string]bool
}

// changedIn keeps of what differs what was changed in a period. A file that is gone
// has no time of its own: its directory's tells, unless it was gone before.
func (r *Runs) changedIn(while period, changed []string, at time.Time) (kept []string) {
	before, now := r.escapes.lastLook.Load(), look{at, map[string]bool{}}
	if while.has(r.Git.MainHeadMoved()) {
		kept = append(kept, "HEAD")
	}
	for _, path := range changed {
		name := filepath.Join(r.Git.Root(), filepath.FromSlash(path))
		if isBoardFile(path) {
			continue
		}
		if _, err := os.Lstat(name); err != nil {
			now.gone[path] = true
			if before != nil && before.at.Before(while.from) && before.gone[path] {
				continue
			}
		}
		if while.has(changeTime(name)) {
			kept = append(kept, state.Visible(state.Clip(path, 200)))
		}
	}
	r.escapes.lastLook.Store(&now)
	return kept
}

func isBoardFile(path string) bool {
	return strings.HasPrefix(path, state.TasksDir+"/") || strings.HasPrefix(path, state.WorktreesDir+"/")
}

// period is a stretch of time, its ends included.
type period struct{ from, to time.Time }

func (p period) has(t time.Time) bool { return !t.Before(p.from) && !t.After(p.to) }

// changeTime is when a file was last changed in any way; of one that is gone, when
// its directory was.
func changeTime(path string) time.Time {
	for {
		info, err := os.Lstat(path)
		if err == nil {
			return osfs.StatusChange(info)
		}
		if above := filepath.Dir(path); above != path {
			path = above
			continue
		}
		return time.Time{}
	}
}

// EscapeWarning says where the changes are, and where they belong if they are the run's.
func EscapeWarning(r runner.Record) string {
	if len(r.MainChanges) == 0 {
		return ""
	}
	return fmt.Sprintf("WARNING: changed in the MAIN checkout %s while this run went: %s. If the run did it, move that into %s and restore the main checkout (git diff there shows it)",
		state.Visible(r.Root), strings.Join(r.MainChanges, ", "), state.Visible(r.Path))
}

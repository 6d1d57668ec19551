package git

import (
	"context"
	"errors"
	"io/fs"
	"math"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// ErrStuck says that a git was ended because it took too long.
var ErrStuck = errors.New("git did not answer")

// patience is how long a git goes on before somebody looks why, and before one that
// reads, or one that changes something, is ended. Where the system does not tell what
// a process does, all of it is unknown times as long.
type patience struct {
	look     time.Duration
	read, op limits
	unknown  time.Duration
}

// limits are for doing nothing, for computing without reading or writing anything,
// and for all that a git does.
type limits struct{ idle, compute, whole time.Duration }

func usualPatience() patience {
	return patience{look: 2 * time.Second, unknown: 10,
		read: limits{time.Minute, 3 * time.Minute, 5 * time.Minute},
		op:   limits{10 * time.Minute, 10 * time.Minute, 4 * time.Hour}}
}

func (p patience) of(c call, known bool) limits {
	l, times := p.read, time.Duration(1)
	if c.op {
		l = p.op
	}
	if !known {
		times = p.unknown
	}
	return limits{l.idle * times, l.compute * times, l.whole * times}
}

// reached says which of the limits was reached; "" where none.
func (l limits) reached(idle, quiet, whole time.Duration) string {
	switch {
	case idle >= l.idle:
		return "did nothing for " + l.idle.String()
	case quiet >= l.compute:
		return "computed for " + l.compute.String() + ", as over patterns that are hard to match"
	case whole >= l.whole:
		return "took more than " + l.whole.String()
	}
	return ""
}

// effort is what processes have done until now: how long they computed, and how much
// they read and wrote. It is not known on every system.
type effort struct {
	ticks, bytes uint64
	known        bool
}

// runWatched runs cmd, and cancels it where it waits for what never comes.
func (p *program) runWatched(ctx context.Context, cancel context.CancelCauseFunc, c call, cmd *exec.Cmd) error {
	if err := cmd.Start(); err != nil {
		return err
	}
	timer := time.AfterFunc(p.patience.look, func() { cancel(p.watch(ctx, c, cmd.Process.Pid)) })
	defer timer.Stop()
	return cmd.Wait()
}

// watch waits until git makes no progress any more, or for too long, and says why, or
// until ctx ends. A file that is too large is looked for first, one that git waits for
// where it does nothing.
func (p *program) watch(ctx context.Context, c call, pid int) error {
	began := time.Now()
	idle, quiet := began, began // since when it does nothing, and reads and writes nothing
	seen := effortOf(pid)
	limits := p.patience.of(c, seen.known)
	why := p.obstacle(ctx, c, false)
	for step := p.patience.look / 4; why == ""; step = min(2*step, 10*time.Second) {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(step):
		}
		did, now := effortOf(pid), time.Now()
		switch {
		case did.bytes != seen.bytes:
			idle, quiet, step = now, now, p.patience.look/8
		case did != seen:
			idle, step = now, p.patience.look/8
		default:
			why = p.obstacle(ctx, c, true)
		}
		seen = did
		if stuck := limits.reached(now.Sub(idle), now.Sub(quiet), now.Sub(began)); stuck != "" && why == "" {
			return refuse(ErrStuck, "git "+c.args[0]+" "+stuck)
		}
	}
	return refuse(ErrSpecial, why)
}

// obstacle finds what a git with that call may never come to the end of: something
// that is too large where git reads all of it or, for one that waits, no regular file
// where git opens one; "" where there is none.
func (p *program) obstacle(ctx context.Context, c call, waits bool) string {
	dirs := []string{c.at.admin, c.at.common}
	if c.at.admin == "" {
		dirs = gitDirsOf(c.dir)
	}
	if waits {
		files := append(p.userFiles(), userPatterns()...)
		for _, dir := range dirs {
			files = append(files, filepath.Join(dir, "config"), filepath.Join(dir, "config.worktree"))
		}
		for _, name := range files {
			if found := specialIn(name, maxIncludes); found != "" {
				return found + notRegular
			}
		}
	}
	for _, dir := range dirs {
		if why := walkSpecial(ctx, dir, waits, func(string) bool { return true }); why != "" {
			return why
		}
	}
	if c.at.top == "" {
		return ""
	}
	return walkSpecial(ctx, c.at.top, waits, func(name string) bool { return strings.HasPrefix(name, ".git") })
}

// gitDirsOf is where git, started in dir, finds its directories.
func gitDirsOf(dir string) []string {
	for {
		name := filepath.Join(dir, ".git")
		switch {
		case endless(name):
			return []string{name}
		case isDir(name):
			return []string{name}
		case exists(filepath.Join(dir, "HEAD")):
			return []string{dir}
		}
		if pointer, err := readSmall(name); err == nil {
			admin := absolute(dir, strings.TrimPrefix(pointer, "gitdir: "))
			common, _ := readSmall(filepath.Join(admin, "commondir"))
			return []string{admin, absolute(admin, common)}
		}
		above := filepath.Dir(dir)
		if above == dir {
			return nil
		}
		dir = above
	}
}

// specialIn finds a file that a configuration file leads to and that is none. It
// need not understand the file: too many candidates do no harm.
func specialIn(name string, depth int) string {
	if endless(name) {
		return name
	}
	text, err := readFile(name, configLimit)
	if err != nil || depth == 0 {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		key, value, _ := strings.Cut(line, "=")
		key = strings.ToLower(strings.TrimSpace(key[strings.LastIndexByte(key, ']')+1:]))
		if key != "path" && key != "excludesfile" && key != "attributesfile" {
			continue
		}
		if found := specialIn(userPath(filepath.Dir(name), strings.Trim(strings.TrimSpace(value), `"`)), depth-1); found != "" {
			return found
		}
	}
	return ""
}

// walkSpecial finds a hindrance below dir in a file whose name is asked for: for who
// waits also what is no regular file. It leaves out our own directory, and looks at a
// bounded number of files.
func walkSpecial(ctx context.Context, dir string, waits bool, asked func(name string) bool) (why string) {
	left := maxWalk
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		left--
		switch {
		case left < 0 || ctx.Err() != nil:
			return fs.SkipAll
		case err != nil:
			return nil
		case d.IsDir() && d.Name() == dirName && (filepath.Dir(path) == dir || filepath.Base(filepath.Dir(path)) == ".git"):
			return fs.SkipDir
		case d.IsDir() || !asked(d.Name()) || !waits && (!d.Type().IsRegular() || plausible(path) == math.MaxInt64):
			return nil
		}
		if why = hindrance(path); why != "" {
			return fs.SkipAll
		}
		return nil
	})
	return why
}

package git

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// ErrStuck says that a git was ended because it did nothing for a long time.
var ErrStuck = errors.New("git did not answer")

// patience is how long a git may do nothing before somebody looks why, and before
// it is ended: one that reads, and one that changes something. Where the system does
// not tell what a process does, it may take unknown as long.
type patience struct {
	look, read, op time.Duration
	unknown        time.Duration
}

func usualPatience() patience {
	return patience{look: 2 * time.Second, read: time.Minute, op: 10 * time.Minute, unknown: 10}
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

// watch waits until git does nothing any more, and says why, or until ctx ends.
func (p *program) watch(ctx context.Context, c call, pid int) error {
	limit := p.patience.read
	if c.op {
		limit = p.patience.op
	}
	seen, known := effort(pid)
	if !known {
		limit *= p.patience.unknown
	}
	step := p.patience.look / 4
	for idle := time.Duration(0); idle < limit; idle += step {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(step):
		}
		now, _ := effort(pid)
		if now != seen {
			seen, idle = now, -step
			continue
		}
		if name := p.obstacle(ctx, c); name != "" {
			return refuse(ErrSpecial, name+" is no regular file")
		}
		step = min(2*step, 10*time.Second)
	}
	return refuse(ErrStuck, "git "+c.args[0]+" did nothing for "+limit.String())
}

// obstacle finds what a git with that call may wait for: something that is no
// regular file where git opens one; "" where there is none.
func (p *program) obstacle(ctx context.Context, c call) string {
	files := append(p.userFiles(), userPatterns()...)
	dirs := []string{c.at.admin, c.at.common}
	if c.at.admin == "" {
		dirs = gitDirsOf(c.dir)
	}
	for _, dir := range dirs {
		files = append(files, filepath.Join(dir, "config"), filepath.Join(dir, "config.worktree"))
	}
	for _, name := range files {
		if found := specialIn(name, maxIncludes); found != "" {
			return found
		}
	}
	for _, dir := range dirs {
		if found := walkSpecial(ctx, dir, func(string) bool { return true }); found != "" {
			return found
		}
	}
	if c.at.top == "" {
		return ""
	}
	return walkSpecial(ctx, c.at.top, func(name string) bool { return strings.HasPrefix(name, ".git") })
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

// walkSpecial finds something special below dir whose name is asked for. It looks
// at no objects, and at a bounded number of files.
func walkSpecial(ctx context.Context, dir string, asked func(name string) bool) (found string) {
	left := maxWalk
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		left--
		switch {
		case left < 0 || ctx.Err() != nil:
			return fs.SkipAll
		case err != nil:
			return nil
		case d.IsDir() && len(d.Name()) == 2 && filepath.Base(filepath.Dir(path)) == "objects":
			return fs.SkipDir
		case !d.IsDir() && !d.Type().IsRegular() && asked(d.Name()) && (d.Type()&os.ModeSymlink == 0 || endless(path)):
			found = path
			return fs.SkipAll
		}
		return nil
	})
	return found
}

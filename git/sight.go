package git

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"wt-mcp/state/osfs"
)

// Sight is what a worktree has beside its HEAD at one moment, as far as git looks: a
// file that its index tells git to overlook is none of its work. See [Repo.Sight].
type Sight struct {
	At   time.Time
	Head string // empty before the first commit
	Key  string // equal for equal work; empty where a change might not show in it yet

	// Unseen says why not all of the lane's work is in sight, such as an operation under
	// way; empty where it is.
	Unseen []string

	place   place
	changes []pending
}

// pending is a path whose content is not that of HEAD. The files of a worktree may have
// one content and its index another.
type pending struct {
	path   string
	staged blob // of the index
	file   bool // what lies there is another one
	both   bool // the index has one that neither HEAD nor the file has
}

// blob is what a tree has at a path; of no mode where it has nothing.
type blob struct{ mode, oid string }

const (
	seenPaths = 10_000   // changed paths of one worktree that a sight takes
	seenBytes = 64 << 20 // of its files
	modeLink  = "120000"
	modeRepo  = "160000"
)

// Dirty reports whether there is anything beside HEAD.
func (s *Sight) Dirty() bool { return len(s.changes) > 0 }

// Sight looks at the worktree at path: committed, staged, unstaged and untracked. It
// runs one git, takes no lock and writes nothing.
func (r *Repo) Sight(ctx context.Context, path string) (*Sight, error) {
	s, err := r.sight(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("look at %s: %w", path, err)
	}
	return s, nil
}

// Sights looks at several worktrees, a few at a time, in their order.
func (r *Repo) Sights(ctx context.Context, paths []string) (all []*Sight, errs []error) {
	all, errs = make([]*Sight, len(paths)), make([]error, len(paths))
	each(len(paths), runtime.NumCPU(), func(i int) { all[i], errs[i] = r.Sight(ctx, paths[i]) })
	return all, errs
}

func (r *Repo) sight(ctx context.Context, path string) (*Sight, error) {
	admin, err := r.adminDir(path)
	if err != nil {
		return nil, err
	}
	s := &Sight{At: time.Now(), place: r.pin(admin, path)}
	out, err := r.git.whole(ctx, call{dir: path, at: s.place, args: []string{"status", "--porcelain=v2", "-z", "--branch",
		"--no-ahead-behind", "--no-renames", "--untracked-files=all", "--ignore-submodules=dirty"}})
	var unseen *Refused
	switch {
	case errors.Is(err, ErrUnseen) && errors.As(err, &unseen):
		s.Unseen = append(s.Unseen, unseen.What...)
	case err != nil:
		return nil, err
	}
	if s.Head, s.changes, err = parsePending(out); err != nil {
		return nil, err
	}
	if operation, err := r.Operation(ctx, path); err == nil && operation != "" {
		s.Unseen = append(s.Unseen, "a "+operation+" is under way; it is taken as far as that has come")
	}
	s.measure()
	return s, nil
}

// parsePending reads git status --porcelain=v2 -z --branch (git-status(1)).
func parsePending(out []byte) (head string, changes []pending, err error) {
	at := map[string]int{}
	for line := range bytes.SplitSeq(bytes.TrimSuffix(out, []byte{0}), []byte{0}) {
		kind, rest, _ := strings.Cut(string(line), " ")
		var c pending
		ok := true
		switch kind {
		case "#":
			if oid, found := strings.CutPrefix(rest, "branch.oid "); found && isObjectID(oid) {
				head = oid
			}
			continue
		case "":
			continue
		case "?":
			if strings.HasSuffix(rest, "/") { // a repository within: its work is its own
				continue
			}
			c = pending{path: rest, file: true}
		case "1":
			c, ok = parseOrdinary(rest)
		case "u":
			parts := strings.SplitN(rest, " ", 10)
			if ok = len(parts) == 10; ok {
				c = pending{path: parts[9], file: true}
			}
		default:
			ok = false
		}
		if !ok || c.path == "" {
			return "", nil, fmt.Errorf("git status said %.100q", line)
		}
		if i, twice := at[c.path]; twice { // deleted in the index, and there
			changes[i].file, changes[i].both = true, true
			continue
		}
		at[c.path] = len(changes)
		changes = append(changes, c)
	}
	return head, changes, nil
}

// parseOrdinary reads XY sub mH mI mW hH hI path.
func parseOrdinary(rest string) (pending, bool) {
	f := strings.SplitN(rest, " ", 8)
	if len(f) != 8 || len(f[0]) != 2 || !isObjectID(f[6]) && strings.Trim(f[6], "0") != "" {
		return pending{}, false
	}
	c := pending{path: f[7], file: f[0][1] != '.'}
	if f[0][0] != 'D' && f[3] != "000000" {
		c.staged = blob{mode: f[3], oid: f[6]}
	}
	c.both = c.file && f[0][0] != '.'
	return c, true
}

// measure looks at the files that have changed, and makes the key.
func (s *Sight) measure() {
	if len(s.changes) > seenPaths {
		s.Unseen = append(s.Unseen, fmt.Sprintf("%d paths have changed, %d of them are taken", len(s.changes), seenPaths))
		s.changes = s.changes[:seenPaths]
	}
	sum := sha256.New()
	fmt.Fprintf(sum, "%s %q\n", s.Head, s.Unseen)
	root, err := os.OpenRoot(s.place.top)
	if err != nil {
		s.Unseen = append(s.Unseen, cause(err).Error())
		return
	}
	defer root.Close()
	settled, left := true, int64(seenBytes)
	s.changes = slices.DeleteFunc(s.changes, func(c pending) bool {
		fmt.Fprintf(sum, "%q %v %t\n", c.path, c.staged, c.file)
		info, err := root.Lstat(filepath.FromSlash(c.path))
		if !c.file || err != nil {
			return false
		}
		const young = 2 * time.Second // a change of a file of that age might not show
		settled = settled && s.At.Sub(info.ModTime()) > young && !info.IsDir()
		fmt.Fprintf(sum, " %v %d %d\n", info.Mode(), info.Size(), info.ModTime().UnixNano())
		if left -= info.Size(); left >= 0 {
			return false
		}
		s.Unseen = append(s.Unseen, clipPath(c.path)+": it is too large to be compared")
		left += info.Size()
		return true
	})
	if settled {
		s.Key = hex.EncodeToString(sum.Sum(nil)[:16])
	}
}

// content reads the file or link at the path of a change; of no mode where there is none.
func (c *pending) content(root *os.Root) (mode string, content []byte, err error) {
	name := filepath.FromSlash(c.path)
	info, err := root.Lstat(name)
	switch {
	case errors.Is(err, os.ErrNotExist), err == nil && info.IsDir():
		return "", nil, nil
	case err != nil:
		return "", nil, err
	case info.Mode().Type() == os.ModeSymlink:
		target, err := root.Readlink(name)
		return modeLink, []byte(target), err
	case !info.Mode().IsRegular():
		return "", nil, nil
	}
	file, err := root.OpenFile(name, os.O_RDONLY|osfs.Nonblock, 0)
	if err != nil {
		return "", nil, err
	}
	defer file.Close()
	content, err = osfs.ReadUpTo(file, seenBytes)
	mode = "100644"
	if info.Mode()&0o100 != 0 {
		mode = "100755"
	}
	return mode, content, err
}

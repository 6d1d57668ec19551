package git

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"wt-mcp/state/osfs"
)

// SnapshotRef is the ref of a snapshot. It is never pushed by git's own default,
// and keeps all that the snapshot holds from git gc.
func SnapshotRef(id string) string { return snapshotRefs + id }

const snapshotRefs = "refs/wt-mcp/snapshots/"

// DefaultSnapshotLimit is how many bytes of files a snapshot takes where
// [Capture] does not say.
const DefaultSnapshotLimit = 2 << 30

// Capture asks for a snapshot.
type Capture struct {
	ID      string          // names the snapshot for ever; as an operation's id
	Path    string          // of the worktree
	Limit   int64           // bytes of files that it takes; 0 for the default, less than 0 for none
	Meta    json.RawMessage // what the caller wants to find again in it; a JSON value, or nil
	Inherit []*os.File      // kept open by git while it writes (not on Windows)
}

// Snapshot is what a worktree was at one moment. [SnapshotRef] holds, in one
// commit: every changed and untracked file as it lay there, no filter applied,
// with its permission bits; which tracked files and empty directories there were
// or were not; the index where it is not simply that of HEAD, and every object
// that only the index has; git's own notes on the worktree (HEAD, reflog, an
// operation under way, sparse checkout, per-worktree refs); and as its parents
// the commits that any of them names.
//
// It does not hold ignored files, repositories within, device files, pipes and
// sockets, or files beyond the limit: the lists say which, each cut at 20.
type Snapshot struct {
	ID         string          `json:"-"`
	At         time.Time       `json:"at"`
	Path       string          `json:"path"`
	Entry      string          `json:"entry"` // the name that git knows it by
	Head       string          `json:"head,omitempty"`
	Branch     string          `json:"branch,omitempty"` // that it was on, or that an operation under way comes back to
	BranchHead string          `json:"branch_head,omitempty"`
	Detached   bool            `json:"detached,omitempty"`
	Files      int             `json:"files"`   // that it holds
	Bytes      int64           `json:"bytes"`   // of them
	Deleted    int             `json:"deleted"` // tracked files that were not there
	Plain      bool            `json:"plain,omitempty"`
	Ignored    []string        `json:"ignored,omitempty"`
	Nested     []string        `json:"nested,omitempty"` // submodules with files among them
	LeftOut    []string        `json:"left_out,omitempty"`
	Omitted    int             `json:"omitted,omitempty"` // how many there are of the three kinds
	Meta       json.RawMessage `json:"meta,omitempty"`

	commit string
}

// TakeSnapshot keeps what the worktree at path is now, and changes nothing of it.
// When it answers, the snapshot is flushed to the device. What is written
// meanwhile is in it as it was before, as it was after, or listed in LeftOut.
func (r *Repo) TakeSnapshot(ctx context.Context, c Capture) (Snapshot, error) {
	s, err := r.takeSnapshot(ctx, c)
	if err != nil {
		return Snapshot{}, fmt.Errorf("take snapshot of %s: %w", c.Path, err)
	}
	return s, nil
}

func (r *Repo) takeSnapshot(ctx context.Context, c Capture) (Snapshot, error) {
	if err := checkOp(c.ID); err != nil {
		return Snapshot{}, err
	}
	admin, err := r.adminDir(c.Path)
	if err != nil {
		return Snapshot{}, err
	}
	if admin == r.common {
		return Snapshot{}, refuse(ErrMainWorktree, c.Path)
	}
	if err := r.checkMounts(c.Path); err != nil {
		return Snapshot{}, err
	}
	if err := r.mendCommonDir(admin); err != nil {
		return Snapshot{}, err
	}
	scan, stop := startScan(ctx, c.Path)
	defer stop()
	l, err := r.look(ctx, admin, c.Path, c.Path, scan)
	if err != nil {
		return Snapshot{}, err
	}
	t, err := r.capture(ctx, c, admin, c.Path, l, scan)
	if err != nil {
		return Snapshot{}, err
	}
	return t.snap, nil
}

// capture takes a snapshot of the files at top that belong to admin. Where look
// is nil, git cannot say what has changed: then every file counts as changed.
// An empty top stands for a directory that is gone; else scan tells what lies there.
func (r *Repo) capture(ctx context.Context, c Capture, admin, top string, l *look, scan scanning) (*taking, error) {
	t := &taking{repo: r, scan: scan, ask: c, admin: admin, top: top, look: l, limit: cmp.Or(c.Limit, DefaultSnapshotLimit), notes: notesOf(admin)}
	t.snap = Snapshot{ID: c.ID, At: time.Now().UTC().Truncate(time.Millisecond), Path: realPath(c.Path), Entry: filepath.Base(admin), Meta: c.Meta}
	for _, step := range []func(context.Context) error{t.findHead, t.walk, t.choose, t.readAdmin, t.findObjects, t.write} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// findHead reads where HEAD is, and the branch that it is on or comes back to.
func (t *taking) findHead(ctx context.Context) error {
	s := &t.snap
	if t.look != nil {
		s.Head, s.Branch = t.look.status.Head, t.look.status.Branch
	} else if oid, ref, err := t.repo.head(ctx, t.admin); err == nil {
		s.Head, s.Branch = oid, branchOf(ref)
	}
	s.Detached = s.Branch == "" && s.Head != ""
	s.BranchHead = s.Head
	if !s.Detached {
		return nil
	}
	s.BranchHead = ""
	name := returnsTo(t.admin)
	if name == "" || CheckBranchName(name) != nil {
		return nil
	}
	oid, ok, err := t.repo.Branch(ctx, name)
	if ok {
		s.Branch, s.BranchHead = name, oid
	}
	return err
}

// mendCommonDir writes anew where an entry says that the repository is, if
// somebody made it lie: git looks for the branch there, whatever it is told.
func (r *Repo) mendCommonDir(admin string) error {
	name := filepath.Join(admin, "commondir")
	if there, err := readSmall(name); err == nil && absolute(admin, there) == r.common {
		return nil
	}
	return rewrite(name, "../..\n")
}

// checkMounts refuses a directory that something is mounted in: what lies there
// is not the worktree's, and must neither be moved nor be deleted with it.
func (r *Repo) checkMounts(dir string) error {
	below, err := osfs.MountsBelow(dir)
	if err == nil && len(below) > 0 {
		return refuse(ErrMounted, below...)
	}
	return err
}

// Snapshots lists all snapshots, the newest first. A ref of that name space
// which is no snapshot of ours is left out.
func (r *Repo) Snapshots(ctx context.Context) ([]Snapshot, error) {
	list, err := r.snapshots(ctx, snapshotRefs)
	if err != nil {
		return nil, fmt.Errorf("list snapshots: %w", err)
	}
	return list, nil
}

// Snapshot finds one snapshot: ErrInvalidName or ErrNoSnapshot where there is none.
func (r *Repo) Snapshot(ctx context.Context, id string) (Snapshot, error) {
	if err := checkOp(id); err != nil {
		return Snapshot{}, err
	}
	list, err := r.snapshots(ctx, SnapshotRef(id))
	if err != nil {
		return Snapshot{}, fmt.Errorf("find snapshot %s: %w", id, err)
	}
	for _, s := range list {
		if s.ID == id {
			return s, nil
		}
	}
	return Snapshot{}, refuse(ErrNoSnapshot, id)
}

func (r *Repo) snapshots(ctx context.Context, pattern string) ([]Snapshot, error) {
	out, err := r.read(ctx, "for-each-ref", "--sort=-creatordate", "--format=%(refname)%00%(objectname)%00%(contents:body)%00", "--", pattern)
	if err != nil {
		return nil, err
	}
	var list []Snapshot
	fields := strings.Split(string(out), "\x00")
	for i := 0; i+2 < len(fields); i += 3 {
		s := Snapshot{ID: strings.TrimPrefix(strings.TrimSpace(fields[i]), snapshotRefs), commit: fields[i+1]}
		ours := json.Unmarshal([]byte(fields[i+2]), &s) == nil && checkOp(s.ID) == nil && s.sound()
		if ours {
			list = append(list, s)
		}
	}
	slices.SortStableFunc(list, func(a, b Snapshot) int { return b.At.Compare(a.At) })
	return list, nil
}

// sound reports that what a snapshot says of itself can be used: somebody may
// have written its ref who is not us.
func (s *Snapshot) sound() bool {
	return isObjectID(s.commit) && (s.Head == "" || isObjectID(s.Head)) && (s.BranchHead == "" || isObjectID(s.BranchHead)) &&
		(s.Branch == "" || CheckBranchName(s.Branch) == nil) && checkOp(s.Entry) == nil && filepath.IsAbs(s.Path)
}

// DropSnapshots deletes the refs of snapshots from before the given time that
// hold nothing of their own: a clean worktree, all of whose commits are on
// branches, tags or remotes. All others stay.
func (r *Repo) DropSnapshots(ctx context.Context, before time.Time) error {
	r.dropCrashReports(snapshotRefs)
	r.sweepSnapshotLocks()
	list, err := r.Snapshots(ctx)
	errs := []error{err}
	for _, s := range list {
		if !s.Plain || !s.At.Before(before) {
			continue
		}
		out, err := r.readWhole(ctx, "rev-list", "--count", s.commit+"^@", "--not", "--branches", "--tags", "--remotes", "--")
		if err != nil || strings.TrimSpace(string(out)) != "0" {
			errs = append(errs, err)
			continue
		}
		errs = append(errs, r.dropSnapshot(ctx, s))
	}
	return errors.Join(errs...)
}

// SnapshotHolds reports whether the ref of a snapshot keeps a commit from being lost.
func (r *Repo) SnapshotHolds(ctx context.Context, id, commit string) (bool, error) {
	refs, err := r.refs(ctx, SnapshotRef(id))
	if err != nil || refs[SnapshotRef(id)] == "" {
		return false, err
	}
	return r.Contains(ctx, refs[SnapshotRef(id)], commit)
}

// dropSnapshot deletes the ref of a snapshot, unless it is another one by now.
func (r *Repo) dropSnapshot(ctx context.Context, s Snapshot) error {
	_, err := r.git.run(ctx, call{op: true, dir: r.common, at: r.pin("", ""),
		args: []string{"update-ref", "--no-deref", "-d", "--end-of-options", SnapshotRef(s.ID), s.commit}})
	return err
}

package git

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const listed = 20 // how many names each list of what is not held has

// taking is one snapshot while it is taken. Paths are relative, with slashes.
type taking struct {
	repo  *Repo
	ask   Capture
	admin string
	top   string
	look  *look // nil where git cannot say
	limit int64
	snap  Snapshot

	scan    scanning
	seen    *scan
	files   map[string]os.FileInfo // what is there but directories, without what is ignored, nested or special
	dirs    map[string]os.FileInfo
	full    map[string]bool // directories with something in them
	store   []string        // files that no object has as they are
	gone    []string        // tracked files that are not there
	unheld  []string        // files that are in neither
	late    []string        // those of them that it turned out not to have
	usual   perms
	notes   map[string]os.FileInfo // git's on the worktree, before they were read
	state   []adminFile
	index   bool // the index is not simply that of HEAD
	parents []string
	kept    []object
}

// perms are the permission bits that most files, programs and directories have.
type perms struct{ file, exec, dir os.FileMode }

func (p perms) of(mode os.FileMode) os.FileMode {
	switch {
	case mode.IsDir():
		return p.dir
	case mode&0o100 != 0:
		return p.exec
	}
	return p.file
}

// walk takes of what lies at top what is neither ignored nor in a repository
// within.
func (t *taking) walk(context.Context) error {
	t.files, t.dirs, t.full = map[string]os.FileInfo{}, map[string]os.FileInfo{}, map[string]bool{}
	if t.top == "" {
		t.usual = mostUsed(nil, nil)
		return nil
	}
	var err error
	if t.seen, err = t.scan(); err != nil {
		return err
	}
	ignored, tracked := map[string]bool{}, map[string]bool{}
	if t.look != nil {
		for _, path := range t.look.status.Ignored {
			ignored[path] = true
			t.omit(&t.snap.Ignored, path)
		}
		for _, e := range t.look.entries {
			for dir := slashDir(e.path); dir != "" && !tracked[dir]; dir = slashDir(dir) {
				tracked[dir] = true
			}
		}
	}
	below := "/" // of which directory nothing is taken; what lies in one follows it
	for _, it := range t.seen.items {
		switch {
		case strings.HasPrefix(it.path, below), ignored[it.path]:
		case it.info.IsDir() && ignored[it.path+"/"]:
			below = it.path + "/"
		case it.info.IsDir() && t.seen.repos[it.path] && !tracked[it.path]:
			below = it.path + "/"
			t.full[it.path], t.full[slashDir(it.path)] = true, true
			t.omit(&t.snap.Nested, it.path)
		default:
			t.visit(it)
		}
	}
	t.usual = mostUsed(t.files, t.dirs)
	return nil
}

func (t *taking) visit(it item) {
	t.full[slashDir(it.path)] = true
	mode := it.info.Mode()
	switch {
	case mode.IsDir():
		t.dirs[it.path] = it.info
		if t.seen.repos[it.path] {
			t.omit(&t.snap.Nested, it.path)
		}
		if t.seen.closed[it.path] {
			t.omit(&t.snap.LeftOut, it.path+"/")
		}
	case mode.IsRegular(), mode.Type() == fs.ModeSymlink:
		t.files[it.path] = it.info
	default:
		t.omit(&t.snap.LeftOut, it.path)
	}
}

// omit counts what the snapshot does not hold, and names the first of it.
func (t *taking) omit(list *[]string, path string) {
	t.snap.Omitted++
	if len(*list) < listed {
		*list = append(*list, path)
	}
}

// slashDir is the directory of a relative path; "" for one at the top.
func slashDir(path string) string {
	return path[:max(strings.LastIndexByte(path, '/'), 0)]
}

func mostUsed(files, dirs map[string]os.FileInfo) perms {
	var count [3]map[os.FileMode]int
	for i := range count {
		count[i] = map[os.FileMode]int{}
	}
	for _, info := range files {
		if info.Mode().IsRegular() {
			count[int(info.Mode()>>6&1)][info.Mode().Perm()]++
		}
	}
	for _, info := range dirs {
		count[2][info.Mode().Perm()]++
	}
	most := func(i int, usual os.FileMode) os.FileMode {
		for mode, n := range count[i] {
			if n > count[i][usual] || n == count[i][usual] && mode < usual && n > 0 {
				usual = mode
			}
		}
		return usual
	}
	return perms{file: most(0, 0o644), exec: most(1, 0o755), dir: most(2, 0o755)}
}

// choose decides which files the snapshot must hold itself.
func (t *taking) choose(ctx context.Context) error {
	want, gone := map[string]bool{}, map[string]bool{}
	if t.look == nil {
		for path := range t.files {
			want[path] = true
		}
	} else {
		t.chooseChanged(want, gone)
		if err := t.chooseHidden(ctx, want, gone); err != nil {
			return err
		}
	}
	for path := range want {
		if info, ok := t.files[path]; ok {
			t.chooseOne(path, info)
		}
	}
	for path := range gone {
		t.gone = append(t.gone, path)
	}
	slices.Sort(t.store)
	slices.Sort(t.gone)
	slices.Sort(t.unheld)
	t.snap.Files, t.snap.Deleted = len(t.store), len(t.gone)
	return nil
}

func (t *taking) chooseOne(path string, info os.FileInfo) {
	if t.limit >= 0 && t.snap.Bytes+info.Size() > t.limit || reserved(path) {
		t.unheld = append(t.unheld, path)
		t.omit(&t.snap.LeftOut, path)
		return
	}
	t.snap.Bytes += info.Size()
	t.store = append(t.store, path)
}

// reserved reports a name that git takes for its own on some system, and so lets
// into no tree.
func reserved(path string) bool {
	for part := range strings.SplitSeq(path, "/") {
		if strings.EqualFold(part, ".git") || strings.EqualFold(part, "git~1") {
			return true
		}
	}
	return false
}

// chooseChanged takes what differs from the index, and what is not in it. Git
// status tells of the one, but not of all of the other (a directory in the place
// of a tracked file).
func (t *taking) chooseChanged(want, gone map[string]bool) {
	indexed := map[string]string{}
	for _, e := range t.look.entries {
		indexed[e.path] = e.mode
	}
	for _, path := range slices.Concat(t.look.status.Modified, t.look.status.Conflicted) {
		if _, there := t.files[path]; there {
			want[path] = true
		} else if _, dir := t.dirs[path]; indexed[path] != "160000" || !dir && !t.full[path] {
			gone[path] = true
		}
	}
	for path := range t.files {
		if indexed[path] == "" {
			want[path] = true
		}
	}
}

// chooseHidden takes what git status does not tell of: files that the index asks
// it to overlook, and files that are clean to git but do not lie there as its
// object has them, because a filter or a line end stands between.
func (t *taking) chooseHidden(ctx context.Context, want, gone map[string]bool) error {
	converts := t.look.converts
	root, err := os.OpenRoot(t.top)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, e := range t.look.entries {
		info, there := t.files[e.path]
		switch {
		case want[e.path] || gone[e.path] || e.mode == "160000" || e.stage != '0':
		case !e.hidden() && (!converts || !there):
		case !there && !e.skipped():
			gone[e.path] = true
		case there && e.hidden():
			want[e.path] = true
		case there && info.Mode().IsRegular() && e.mode != "120000":
			same, _ := e.isObject(ctx, root, info.Size()) // the writing of the snapshot tells of one that cannot be read
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			want[e.path] = want[e.path] || !same
		}
	}
	return nil
}

// changedSince reports whether a file that the snapshot holds is not, at top, as
// it was when it was looked at.
func (t *taking) changedSince(top string) bool {
	root, err := os.OpenRoot(top)
	if err != nil {
		return true
	}
	defer root.Close()
	return slices.ContainsFunc(t.store, func(path string) bool {
		info, err := root.Lstat(filepath.FromSlash(path))
		old := t.files[path]
		return err != nil || info.Size() != old.Size() || !info.ModTime().Equal(old.ModTime()) || info.Mode() != old.Mode()
	})
}

// clockTick is how coarse a clock of file times may be.
const clockTick = 20 * time.Millisecond

// untouched reports that surely nothing has changed since, at top, which git need
// not be asked about: the same files of the same size and time, none of them so
// new that a change would not show, the same index and HEAD.
func (t *taking) untouched(ctx context.Context, top string) bool {
	if t.look == nil || t.seen == nil || t.look.whole() != nil || !unchanged(t.look.index, filepath.Join(t.admin, "index")) || !t.sameNotes() {
		return false
	}
	wait, stop := startScan(ctx, top)
	defer stop()
	oid, ref, err := t.repo.head(ctx, t.admin)
	if status := t.look.status; err != nil || oid != status.Head || ref != "HEAD" && ref != "refs/heads/"+status.Branch || ref == "HEAD" && status.Branch != "" {
		return false
	}
	now, err := wait()
	if err != nil || now.gone || len(now.unseen) > 0 || len(now.items) != len(t.seen.items) {
		return false
	}
	recent := t.seen.began.Add(-clockTick)
	for i, it := range now.items {
		old := t.seen.items[i]
		if it.path != old.path || !alike(it.info, old.info) || it.info.ModTime().After(recent) {
			return false
		}
	}
	return true
}

func alike(a, b os.FileInfo) bool {
	return os.SameFile(a, b) && a.Size() == b.Size() && a.Mode() == b.Mode() && a.ModTime().Equal(b.ModTime())
}

func unchanged(old os.FileInfo, name string) bool {
	now, err := os.Lstat(name)
	return err == nil && old != nil && alike(now, old)
}

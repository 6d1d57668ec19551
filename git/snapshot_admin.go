package git

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const (
	inlineLimit = 64 << 10 // git's notes up to this size are in the manifest itself
	notesLimit  = 16 << 20 // what is searched for object ids
)

// adminFile is a file of the administrative directory.
type adminFile struct {
	path    string
	mode    os.FileMode
	content []byte // nil for a large one
}

// originFile is our note in an administrative directory: which snapshot the
// worktree was restored from, and by which operation.
const originFile = "wt-mcp-snapshot"

// leftBehind reports that a file of an administrative directory says where the
// worktree is, or is of no worth later.
func leftBehind(path string) bool {
	switch path {
	case "gitdir", "commondir", "locked", originFile, "index":
		return true
	}
	return strings.HasSuffix(path, ".lock") || strings.HasPrefix(path, "fsmonitor--daemon")
}

// readAdmin takes git's notes on the worktree. The git directories of submodules
// are not among them.
func (t *taking) readAdmin(context.Context) error {
	if _, err := os.Lstat(t.admin); err != nil {
		return err
	}
	t.index = t.needsIndex()
	return filepath.WalkDir(t.admin, func(name string, d fs.DirEntry, err error) error {
		rel, relErr := filepath.Rel(t.admin, name)
		path := filepath.ToSlash(rel)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil || relErr != nil:
			return errors.Join(err, relErr)
		case d.IsDir() && path == "modules":
			return fs.SkipDir
		case !d.Type().IsRegular() || leftBehind(path), strings.HasPrefix(path, "sharedindex.") && !t.index:
			return nil
		}
		return t.addAdmin(name, path, d)
	})
}

// notesOf lists git's notes on a worktree; the index and the git directories of
// submodules are not among them.
func notesOf(admin string) map[string]os.FileInfo {
	notes := map[string]os.FileInfo{}
	_ = filepath.WalkDir(admin, func(name string, d fs.DirEntry, err error) error {
		path, relErr := filepath.Rel(admin, name)
		switch path = filepath.ToSlash(path); {
		case err != nil || relErr != nil || leftBehind(path):
			return nil
		case d.IsDir() && path == "modules":
			return fs.SkipDir
		case d.IsDir():
			return nil
		}
		if info, err := d.Info(); err == nil {
			notes[path] = info
		}
		return nil
	})
	return notes
}

// sameNotes reports that git has noted nothing on the worktree since: no commit, no
// ref of its own, no operation.
func (t *taking) sameNotes() bool {
	return maps.EqualFunc(t.notes, notesOf(t.admin), alike)
}

func (t *taking) addAdmin(name, path string, d fs.DirEntry) error {
	info, err := d.Info()
	if err != nil {
		return nil // gone meanwhile
	}
	file := adminFile{path: path, mode: info.Mode().Perm()}
	if info.Size() > inlineLimit && t.limit >= 0 && t.snap.Bytes+info.Size() > t.limit {
		t.omit(&t.snap.LeftOut, "git's "+path)
		return nil
	}
	if info.Size() <= inlineLimit {
		if file.content, err = os.ReadFile(name); err != nil {
			return nil
		}
	}
	t.state = append(t.state, file)
	return nil
}

// needsIndex reports that reading HEAD's tree would not give the index again.
func (t *taking) needsIndex() bool {
	if !exists(filepath.Join(t.admin, "index")) {
		return false
	}
	if t.look == nil || len(t.look.status.Staged)+len(t.look.status.Modified)+len(t.look.status.Conflicted) > 0 {
		return true
	}
	return t.snap.Head == "" || slices.ContainsFunc(t.look.entries, func(e entry) bool { return e.tag != 'H' })
}

// object is one that only the worktree's notes or its index may name.
type object struct{ oid, kind string }

// findObjects finds what must be kept from git gc: the objects that the index has
// and HEAD may not have, and whatever git's notes name.
func (t *taking) findObjects(ctx context.Context) error {
	named := map[string]bool{}
	for _, file := range t.state {
		content := file.content
		if content == nil && !strings.HasPrefix(file.path, "sharedindex.") {
			content, _ = readEnd(filepath.Join(t.admin, filepath.FromSlash(file.path)), notesLimit)
		}
		findIDs(content, named)
	}
	t.indexObjects(named)
	if t.snap.BranchHead != "" {
		named[t.snap.BranchHead] = true
	}
	delete(named, t.snap.Head)
	if t.snap.Head != "" {
		t.parents = []string{t.snap.Head}
	}
	if len(named) == 0 {
		return nil
	}
	there, err := t.repo.kinds(ctx, named)
	if err != nil {
		return err
	}
	var commits []string
	for _, o := range there {
		switch o.kind {
		case "commit":
			commits = append(commits, o.oid)
		case "tree", "blob":
			t.kept = append(t.kept, o)
		}
	}
	tips, err := t.repo.tips(ctx, commits, t.snap.Head)
	t.parents = append(t.parents, tips...)
	return err
}

func (t *taking) indexObjects(named map[string]bool) {
	staged, modified := map[string]bool{}, map[string]bool{}
	if t.look != nil {
		for _, path := range t.look.status.Modified {
			modified[path] = true
		}
		for _, path := range slices.Concat(t.look.status.Staged, t.look.status.Conflicted) {
			staged[path] = true
		}
		for _, e := range t.look.entries {
			if e.mode != "160000" && (staged[e.path] || modified[e.path] && isEmptyBlob(e.oid)) { // the empty one stands for a file that is to be added
				named[e.oid] = true
			}
		}
		return
	}
	entries, err := t.repo.entries(context.Background(), t.admin, t.repo.common)
	for _, e := range entries {
		if err == nil && e.mode != "160000" {
			named[e.oid] = true
		}
	}
}

func isEmptyBlob(oid string) bool {
	return oid == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391" || oid == "473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813"
}

// readEnd reads the end of a file, up to so many bytes.
func readEnd(name string, limit int64) ([]byte, error) {
	content, err := os.ReadFile(name)
	if int64(len(content)) > limit {
		content = content[int64(len(content))-limit:]
	}
	return content, err
}

// findIDs adds the object ids that a text names.
func findIDs(text []byte, ids map[string]bool) {
	hex := func(c byte) bool { return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' }
	for i := 0; i < len(text); {
		if !hex(text[i]) {
			i++
			continue
		}
		end := i
		for end < len(text) && hex(text[end]) {
			end++
		}
		if id := string(text[i:end]); isObjectID(id) && strings.Trim(id, "0") != "" {
			ids[id] = true
		}
		i = end
	}
}

// kinds asks git which of the objects there are, and of which kind.
func (r *Repo) kinds(ctx context.Context, ids map[string]bool) ([]object, error) {
	var ask strings.Builder
	for id := range ids {
		ask.WriteString(id + "\n")
	}
	out, err := r.git.run(ctx, call{dir: r.common, at: r.pin("", ""), stdin: strings.NewReader(ask.String()),
		args: []string{"cat-file", "--batch-check=%(objectname) %(objecttype)"}})
	if err != nil {
		return nil, err
	}
	var found []object
	for line := range bytes.Lines(out) {
		if id, kind, ok := strings.Cut(strings.TrimSuffix(string(line), "\n"), " "); ok && kind != "missing" {
			found = append(found, object{id, kind})
		}
	}
	slices.SortFunc(found, func(a, b object) int { return strings.Compare(a.oid, b.oid) })
	return found, nil
}

// tips are those commits that neither head nor another one of them has in its history.
func (r *Repo) tips(ctx context.Context, commits []string, head string) ([]string, error) {
	if len(commits) == 0 {
		return nil, nil
	}
	ask := strings.Join(commits, "\n") + "\n"
	if head != "" {
		ask += "^" + head + "\n"
	}
	out, err := r.git.run(ctx, call{dir: r.common, at: r.pin("", ""), env: []string{"GIT_NO_REPLACE_OBJECTS=1"},
		stdin: strings.NewReader(ask), args: []string{"rev-list", "--parents", "--stdin"}})
	if err != nil {
		return nil, err
	}
	inner := map[string]bool{}
	for line := range bytes.Lines(out) {
		for i, id := range strings.Fields(string(line)) {
			if i > 0 {
				inner[id] = true
			} else if !inner[id] {
				inner[id] = false
			}
		}
	}
	var tips []string
	for id, isParent := range inner {
		if !isParent && slices.Contains(commits, id) {
			tips = append(tips, id)
		}
	}
	slices.Sort(tips)
	return tips, nil
}

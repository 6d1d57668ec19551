package git

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// ErrUnapproved says that git would need a filter of the repository's configuration
// that nobody has approved, see [Programs].
var ErrUnapproved = errors.New("a filter or merge driver that it needs is not approved")

// judge copies the index, and refuses what the user has where the move would write.
// It takes no lock that anybody sees.
func (mv *moving) judge(ctx context.Context) error {
	if err := mv.copyIndex(); err != nil {
		return err
	}
	if err := mv.readEntries(ctx); err != nil {
		return err
	}
	modified, err := mv.modified(ctx)
	if err != nil {
		return err
	}
	if err := mv.checkFilters(ctx); err != nil {
		return err
	}
	return mv.refuseFiles(ctx, append(mv.inIndex(modified), mv.onDisk()...))
}

// confirm makes sure, under the lock, that all is as it was when it was judged.
func (mv *moving) confirm(ctx context.Context) error {
	if head, err := mv.repo.headRef(ctx, mv.admin); err != nil || head != mv.Ref {
		return errors.Join(err, refuse(ErrBranchMoved, mv.top+" has "+head+" checked out by now"))
	}
	if err := mv.checkOperation(ctx); err != nil {
		return err
	}
	if !mv.index.same() {
		return mv.judge(ctx)
	}
	return mv.refuseFiles(ctx, mv.onDisk())
}

const pathsAtOnce = 500 // in the arguments of one git; more are not told one by one

// paths are those that the move changes, as arguments; none where they are many.
func (mv *moving) paths() []string {
	if len(mv.changes) > pathsAtOnce {
		return nil
	}
	args := []string{"--"}
	for _, c := range mv.changes {
		args = append(args, c.path)
	}
	return args
}

// readEntries reads the entries of the paths that the move changes, and refuses
// unmerged ones anywhere.
func (mv *moving) readEntries(ctx context.Context) error {
	unmerged, err := mv.ask(ctx, "", "ls-files", "--unmerged", "-z")
	if err != nil {
		return err
	}
	var files []string
	for line := range bytes.SplitSeq(unmerged, []byte{0}) {
		if _, path, ok := strings.Cut(string(line), "\t"); ok && !slices.Contains(files, path) {
			files = append(files, path)
		}
	}
	if len(files) > 0 {
		return refuse(ErrConflicted, files...)
	}
	mv.entries = map[string]entry{}
	if len(mv.changes) == 0 {
		return nil
	}
	out, err := mv.ask(ctx, "", append([]string{"ls-files", "--stage", "-v", "-z"}, mv.paths()...)...)
	if err != nil {
		return err
	}
	list, err := parseEntries(out)
	for _, e := range list {
		mv.entries[e.path] = e
	}
	return err
}

// modified is the set of files that are not as the index has them. git looks at the
// paths of the move, and refreshes what the private index knows of them.
func (mv *moving) modified(ctx context.Context) (map[string]bool, error) {
	if len(mv.changes) == 0 {
		return nil, nil
	}
	args := append([]string{"status", "--porcelain=v2", "-z", "--no-renames", "--untracked-files=no", "--ignore-submodules=all"}, mv.paths()...)
	out, err := mv.repo.git.run(ctx, call{args: args, dir: mv.top, at: mv.repo.pin(mv.admin, mv.top),
		env: []string{"GIT_INDEX_FILE=" + mv.private(), "GIT_LITERAL_PATHSPECS=1", "GIT_OPTIONAL_LOCKS=1"}})
	if err != nil {
		return nil, err
	}
	status, err := parseStatus(out)
	set := map[string]bool{}
	for _, path := range status.Modified {
		set[path] = true
	}
	return set, err
}

// inIndex finds what the user has changed or staged of the files that the move changes.
func (mv *moving) inIndex(modified map[string]bool) (found []Obstacle) {
	root, err := os.OpenRoot(mv.top)
	if err != nil {
		return []Obstacle{{mv.top, "unreadable"}}
	}
	defer root.Close()
	for _, c := range mv.changes {
		now, e := mv.staged(c.path), mv.entries[c.path]
		switch {
		case now == c.new && now != c.old && !(modified[c.path] && mv.isEmpty(now)): // an entry that is only intended has no content
		case now != c.old:
			found = append(found, Obstacle{c.path, "staged"})
		case now.none() || now.submodule():
		case e.hidden() && !e.sameAs(root):
			found = append(found, Obstacle{c.path, "hidden"})
		case modified[c.path] && !mv.isThere(c.path):
			found = append(found, Obstacle{c.path, "deleted"})
		case modified[c.path]:
			found = append(found, Obstacle{c.path, "modified"})
		}
	}
	return found
}

// isEmpty reports whether it is the file without content (git hash-object /dev/null).
func (mv *moving) isEmpty(s side) bool {
	return strings.HasPrefix(s.oid, "e69de29bb2d1d643") || strings.HasPrefix(s.oid, "473a0f4c3be8a936")
}

func (mv *moving) isThere(path string) bool {
	return exists(filepath.Join(mv.top, filepath.FromSlash(path)))
}

// onDisk finds what lies where the move would make a file: at its path, or in the
// place of a directory that leads there.
func (mv *moving) onDisk() (found []Obstacle) {
	going := map[string]bool{} // what the move takes away
	for _, c := range mv.touched() {
		if c.new.none() {
			going[c.path] = true
		}
	}
	told := map[string]bool{}
	add := func(path, kind string) {
		if !told[path] {
			told[path] = true
			found = append(found, Obstacle{path, kind})
		}
	}
	for _, c := range mv.changes {
		now := mv.staged(c.path)
		if now.none() && c.new.none() && mv.isThere(c.path) {
			add(c.path, "untracked") // git rm --cached
		}
		if now != c.old || c.new.none() {
			continue
		}
		directory := true // what leads there
		for _, dir := range parents(c.path) {
			dir = strings.TrimSuffix(dir, "/")
			if directory = !going[dir] && !mv.parentInTheWay(dir, add); !directory {
				break
			}
		}
		if c.old.none() && directory {
			mv.pathInTheWay(c, going, add)
		}
	}
	return found
}

// parentInTheWay reports whether something is in the place of a directory of the
// checkout's own.
func (mv *moving) parentInTheWay(dir string, add func(path, kind string)) bool {
	name := filepath.Join(mv.top, filepath.FromSlash(dir))
	info, err := os.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false
	case err != nil:
		add(dir, "unreadable")
	case !info.IsDir():
		add(dir, "untracked")
	case exists(filepath.Join(name, ".git")):
		add(dir, "repository")
	default:
		return false
	}
	return true
}

// pathInTheWay finds what is at a path that is new, or below it.
func (mv *moving) pathInTheWay(c change, going map[string]bool, add func(path, kind string)) {
	name := filepath.Join(mv.top, filepath.FromSlash(c.path))
	info, err := os.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && info.IsDir() && c.new.submodule():
		return
	case err == nil && !info.IsDir():
		add(c.path, "untracked")
		return
	}
	_ = filepath.WalkDir(name, func(below string, d fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(mv.top, below)
		switch rel = filepath.ToSlash(rel); {
		case err != nil:
			add(rel, "unreadable")
		case !d.IsDir() && !going[rel]:
			add(rel, "untracked")
		}
		return nil
	})
}

// refuseFiles makes the refusal, and tells ignored files from others.
func (mv *moving) refuseFiles(ctx context.Context, found []Obstacle) error {
	if len(found) == 0 {
		return nil
	}
	var asked strings.Builder
	for _, f := range found {
		asked.WriteString(f.Path + "\x00")
	}
	out, _ := mv.repo.git.run(ctx, call{args: []string{"check-ignore", "-z", "--stdin"}, dir: mv.top, at: mv.repo.pin(mv.admin, mv.top), // it fails where none is
		stdin: strings.NewReader(asked.String()), env: []string{"GIT_INDEX_FILE=" + mv.private()}})
	ignored := strings.Split(string(out), "\x00")
	for i, f := range found {
		if f.Kind == "untracked" && slices.Contains(ignored, f.Path) {
			found[i].Kind = "ignored"
		}
	}
	return &InTheWay{Checkout: mv.top, Files: found}
}

// refused finds out why git did not move the files. Its own refusal comes before it
// writes anything; after another failure what it wrote is taken back.
func (mv *moving) refused(ctx context.Context, err error) error {
	var failed *Error
	if !errors.As(err, &failed) {
		return err
	}
	var found []Obstacle
	for line := range strings.Lines(failed.Stderr) {
		_, rest, ok := strings.Cut(line, " '")
		path, rest, closed := strings.Cut(rest, "'")
		if strings.HasPrefix(line, "error: ") && ok && closed && containsAny(rest, "not uptodate", "would be overwritten", "would be removed", "would lose untracked") {
			found = append(found, Obstacle{path, map[bool]string{true: "modified", false: "untracked"}[strings.Contains(rest, "uptodate")]})
		}
	}
	if len(found) > 0 {
		return mv.refuseFiles(ctx, found)
	}
	if _, e := mv.settle(ctx, mv.touched(), false); e != nil {
		return &HalfMoved{Checkout: mv.top, Err: errors.Join(err, e)}
	}
	return err
}

package git

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
)

// look is what the files at a place have beyond the commits. Only one that is whole
// says so of all of them: nothing may go that rests on another one.
type look struct {
	status    Status // with the ignored files
	entries   []entry
	converts  bool         // git may store other bytes than those that lie there
	populated []repository // submodules that have files
	nested    []repository // other repositories within
	kept      []string     // git directories of submodules, with files or without
	index     os.FileInfo
	unseen    []string // what could not be looked at
}

// entry is one of the index. tag is that of git-ls-files(1), -v.
type entry struct {
	tag, stage      byte
	mode, oid, path string
}

// whole refuses a look that has not seen everything.
func (l *look) whole() error { return refuseAny(ErrUnseen, l.unseen) }

func (l *look) precious() bool {
	return len(l.unseen) > 0 || len(l.status.Changed()) > 0 || len(l.status.Ignored) > 0 || len(l.populated) > 0 || len(l.nested) > 0 || len(l.kept) > 0
}

// clean refuses what has changes, and what was not seen.
func (l *look) clean() error {
	return errors.Join(refuseAny(ErrDirty, l.status.Changed()), l.whole())
}

// same reports whether nothing has changed that status and index tell of.
func (l *look) same(admin string, now *look) bool {
	if l == nil || now == nil {
		return false
	}
	index := filepath.Join(admin, "index")
	return (unchanged(l.index, index) || l.index == nil && !exists(index)) && reflect.DeepEqual(l.status, now.status) && slices.Equal(l.unseen, now.unseen)
}

// look looks at the files at top that belong to admin: it compares what git tells
// with what a scan finds. They were at origin; where they are elsewhere by now, git
// cannot look into submodules.
func (r *Repo) look(ctx context.Context, admin, top, origin string, wait scanning) (*look, error) {
	l := &look{}
	l.index, _ = os.Lstat(filepath.Join(admin, "index")) // nil where there is none
	args := []string{"--ignored=traditional"}
	if top != origin {
		args = append(args, "--ignore-submodules=all")
	}
	var err error
	if l.status, l.entries, err = r.statusAndIndex(ctx, r.pin(admin, top), args...); err != nil {
		return nil, err
	}
	l.converts = r.converts(ctx, admin, l.entries) || slices.ContainsFunc(slices.Concat(l.status.Untracked, l.status.Ignored), isAttributes)
	l.populated = populated(l.entries, top, origin)
	if top == origin {
		if err := r.addSubmodules(ctx, &l.status, l.populated); err != nil {
			return nil, err
		}
	}
	seen, err := wait()
	if err != nil {
		return nil, err
	}
	l.unseen = slices.Concat(l.status.Unseen, seen.unseen)
	if l.kept, err = gitDirs(filepath.Join(admin, "modules")); err != nil {
		l.unseen = append(l.unseen, err.Error())
	}
	l.account(seen, l.findNested(seen, top, origin))
	return l, nil
}

// glance is look for one who does not go on with what the files are.
func (r *Repo) glance(ctx context.Context, admin, top string) (*look, error) {
	wait, stop := (&scan{quick: true}).start(ctx, top)
	defer stop()
	return r.look(ctx, admin, top, top, wait)
}

// statusAndIndex asks git for both at the same time. A file that the index tells git
// to overlook is modified where it is not as the index has it.
func (r *Repo) statusAndIndex(ctx context.Context, at place, more ...string) (s Status, entries []entry, err error) {
	if s, entries, err = r.statusBeside(ctx, at, more...); err != nil {
		return Status{}, nil, err
	}
	hidden, err := overlooked(at.top, entries)
	s.Modified = append(s.Modified, slices.DeleteFunc(hidden, func(path string) bool { return slices.Contains(s.Modified, path) })...)
	return s, entries, err
}

// statusBeside asks git for both at the same time, as it tells them.
func (r *Repo) statusBeside(ctx context.Context, at place, more ...string) (s Status, entries []entry, err error) {
	asked := make(chan error, 1)
	go func() {
		var err error
		entries, err = r.entriesAt(ctx, at)
		asked <- err
	}()
	s, err = r.statusAt(ctx, at, more...)
	if err = errors.Join(err, <-asked); err != nil {
		return Status{}, nil, err
	}
	return s, entries, nil
}

// findNested finds the repositories within that are no submodules, and what has their
// name and is none.
func (l *look) findNested(seen *scan, top, origin string) (broken []string) {
	submodule := map[string]bool{}
	for _, repo := range l.populated {
		submodule[repo.name] = true
	}
	for _, dir := range slices.Sorted(maps.Keys(seen.repos)) {
		if dir == "" || submodule[dir] {
			continue
		}
		repo, ok := repositoryAt(filepath.Join(top, filepath.FromSlash(dir)), top, origin)
		if ok {
			l.nested = append(l.nested, repo)
		} else {
			broken = append(broken, dir+"/.git")
		}
	}
	return broken
}

// account notes what lies there and git does not tell of: it does not look into the
// directory of a submodule that is not checked out, for one, nor into what is called
// .git and is no repository.
func (l *look) account(seen *scan, broken []string) {
	if seen.gone {
		l.unseen = append(l.unseen, "something vanished while it was looked at")
	}
	told := l.told()
	for _, path := range broken {
		name, _ := foldName(path)
		if !slices.ContainsFunc(parents(name), func(dir string) bool { return told[dir] }) {
			l.unseen = append(l.unseen, clipPath(path)+": it is no repository, so git does not tell of it")
		}
	}
	below := "/" // of which directory all is told; what lies in one follows it
	for _, it := range seen.items {
		switch name, exact := foldName(it.path); {
		case strings.HasPrefix(it.path, below):
		case it.kind.IsDir():
			if told[name+"/"] {
				below = it.path + "/"
			}
		case told[name], !exact, it.kind != 0 && it.kind != fs.ModeSymlink: // pipes and devices have nothing that could be lost
		default:
			l.unseen = append(l.unseen, clipPath(it.path)+": git does not tell of it")
		}
	}
}

// told is the set of what git tells of; a directory, all of which is meant, ends
// with a slash.
func (l *look) told() map[string]bool {
	told := make(map[string]bool, len(l.entries))
	tell := func(path string) {
		name, _ := foldName(path)
		told[name] = true
	}
	for _, e := range l.entries {
		tell(e.path)
	}
	for _, path := range slices.Concat(l.status.Untracked, l.status.Ignored) {
		tell(path)
	}
	for _, repo := range l.populated {
		tell(repo.name + "/")
	}
	return told
}

// clipPath is the end of a path, where its name is.
func clipPath(path string) string {
	const shown = 200
	if len(path) <= shown {
		return path
	}
	return strings.ToValidUTF8("…"+path[len(path)-shown:], "")
}

func isAttributes(path string) bool {
	return path == ".gitattributes" || strings.HasSuffix(path, "/.gitattributes")
}

// entries lists the index.
func (r *Repo) entries(ctx context.Context, admin, top string) ([]entry, error) {
	return r.entriesAt(ctx, r.pin(admin, top))
}

func (r *Repo) entriesAt(ctx context.Context, at place) ([]entry, error) {
	out, err := r.git.whole(ctx, call{args: []string{"ls-files", "--stage", "-v", "-z"}, dir: at.top, at: at})
	if err != nil {
		return nil, err
	}
	return parseEntries(out)
}

// parseEntries reads git ls-files --stage -v -z: tag, mode, id and stage, each
// after a space, then a tab and the path.
func parseEntries(out []byte) ([]entry, error) {
	var list []entry
	for line := range bytes.SplitSeq(out, []byte{0}) {
		if len(line) == 0 {
			continue
		}
		facts, path, _ := strings.Cut(string(line), "\t")
		f := strings.Split(facts, " ")
		if len(f) != 4 || len(f[0]) != 1 || len(f[3]) != 1 || !isObjectID(f[2]) || path == "" {
			return nil, errors.New("git ls-files said " + facts)
		}
		list = append(list, entry{tag: f[0][0], mode: f[1], oid: f[2], stage: f[3][0], path: path})
	}
	return list, nil
}

// converts reports whether anything is configured that stands between a file and
// its object: a line end, a filter, an encoding.
func (r *Repo) converts(ctx context.Context, admin string, entries []entry) bool {
	if slices.ContainsFunc(entries, func(e entry) bool { return isAttributes(e.path) }) {
		return true
	}
	places := []string{filepath.Join(r.common, "info", "attributes"), "/etc/gitattributes"}
	if config, err := os.UserHomeDir(); err == nil {
		places = append(places, filepath.Join(config, ".config", "git", "attributes"))
	}
	if config := os.Getenv("XDG_CONFIG_HOME"); config != "" {
		places = append(places, filepath.Join(config, "git", "attributes"))
	}
	if slices.ContainsFunc(places, exists) {
		return true
	}
	out, err := r.git.run(ctx, call{args: []string{"config", "-z", "--get-regexp", `^core\.(autocrlf|attributesfile)$`}, dir: r.common, at: r.pin(admin, "")})
	for setting := range bytes.SplitSeq(out, []byte{0}) {
		if key, value, _ := strings.Cut(string(setting), "\n"); key != "" && !(key == "core.autocrlf" && strings.EqualFold(value, "false")) {
			return true
		}
	}
	return err != nil && exitCode(err) != 1
}

// populated lists the submodules that have files.
func populated(entries []entry, top, origin string) []repository {
	var repos []repository
	for _, e := range entries {
		if e.mode != "160000" {
			continue
		}
		if repo, ok := repositoryAt(filepath.Join(top, filepath.FromSlash(e.path)), top, origin); ok {
			repos = append(repos, repo)
		}
	}
	return repos
}

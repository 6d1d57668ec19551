package git

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
)

// look is what the files at a place have beyond the commits.
type look struct {
	status    Status // with the ignored files
	entries   []entry
	converts  bool         // git may store other bytes than those that lie there
	populated []repository // submodules that have files
	kept      []string     // git directories of submodules, with files or without
	index     os.FileInfo
}

// entry is one of the index. tag is that of git-ls-files(1), -v.
type entry struct {
	tag, stage      byte
	mode, oid, path string
}

func (l *look) precious() bool {
	return len(l.status.Changed()) > 0 || len(l.status.Ignored) > 0 || len(l.populated) > 0 || len(l.kept) > 0
}

func (l *look) dirty() error {
	if changed := l.status.Changed(); len(changed) > 0 {
		return refuse(ErrDirty, changed...)
	}
	return nil
}

// same reports whether nothing has changed that status and index tell of.
func (l *look) same(admin string, now Status) bool {
	if l == nil {
		return false
	}
	index := filepath.Join(admin, "index")
	return (unchanged(l.index, index) || l.index == nil && !exists(index)) && reflect.DeepEqual(l.status, now)
}

// look asks git for status, index and configuration at the same time. The files at
// top were at origin; where they are elsewhere by now, git cannot look into
// submodules.
func (r *Repo) look(ctx context.Context, admin, top, origin string) (*look, error) {
	l := &look{}
	l.index, _ = os.Lstat(filepath.Join(admin, "index")) // nil where there is none
	asked := make(chan error, 1)
	go func() {
		var err error
		l.entries, err = r.entries(ctx, admin, top)
		l.converts = err == nil && r.converts(ctx, admin, l.entries)
		l.populated, l.kept = populated(l.entries, top, origin), gitDirs(filepath.Join(admin, "modules"))
		asked <- err
	}()
	args := []string{"--ignored=traditional"}
	if top != origin {
		args = append(args, "--ignore-submodules=all")
	}
	var err error
	l.status, err = r.statusOf(ctx, admin, top, args...)
	if err = errors.Join(err, <-asked); err != nil {
		return nil, err
	}
	for _, path := range slices.Concat(l.status.Untracked, l.status.Ignored) {
		l.converts = l.converts || path == ".gitattributes" || strings.HasSuffix(path, "/.gitattributes")
	}
	return l, nil
}

// entries lists the index.
func (r *Repo) entries(ctx context.Context, admin, top string) ([]entry, error) {
	out, err := r.git.whole(ctx, call{args: []string{"ls-files", "--stage", "-v", "-z"}, dir: top, at: r.pin(admin, top)})
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
	if slices.ContainsFunc(entries, func(e entry) bool { return e.path == ".gitattributes" || strings.HasSuffix(e.path, "/.gitattributes") }) {
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

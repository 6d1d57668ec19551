package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// draft is a commit to be made in an annex: on one that exists, some paths of it
// changed, or all of its tree.
type draft struct {
	on    string
	tree  string // in place of on's
	edits []edit
}

// edit gives a path a content, an object that there is already, or takes it away.
type edit struct {
	path    string
	to      blob // of no mode: the path goes
	content []byte
	whole   bool // content counts, not an object
}

// commit makes all drafts at once, and gives the ids of the commits in their order.
func (a *annex) commit(ctx context.Context, drafts []draft) ([]string, error) {
	if len(drafts) == 0 {
		return nil, nil
	}
	var stream bytes.Buffer
	stream.WriteString("feature done\n")
	for i, d := range drafts {
		fmt.Fprintf(&stream, "commit refs/heads/made\nmark :%d\ncommitter wt-mcp <wt-mcp@wt-mcp.invalid> 0 +0000\ndata 0\nfrom %s\n", i+1, d.on)
		if d.tree != "" {
			fmt.Fprintf(&stream, "M 040000 %s \"\"\n", d.tree)
		}
		for _, e := range d.edits {
			e.write(&stream)
		}
		fmt.Fprintf(&stream, "\nget-mark :%d\n", i+1)
	}
	stream.WriteString("done\n")
	out, err := a.run(ctx, &stream, "fast-import", "--quiet", "--force", "--depth=0", "--done", "--date-format=raw")
	if err != nil {
		return nil, err
	}
	made := strings.Fields(string(out))
	if len(made) != len(drafts) || !isObjectID(made[0]) {
		return nil, fmt.Errorf("git fast-import said %.100q", out)
	}
	return made, nil
}

// write is the edit in git-fast-import(1)'s language.
func (e edit) write(out *bytes.Buffer) {
	switch {
	case e.whole:
		fmt.Fprintf(out, "M %s inline %s\ndata %d\n", e.to.mode, quoted(e.path), len(e.content))
		out.Write(e.content)
		out.WriteByte('\n')
	case e.to.mode != "":
		fmt.Fprintf(out, "M %s %s %s\n", e.to.mode, e.to.oid, quoted(e.path))
	default:
		fmt.Fprintf(out, "D %s\n", quoted(e.path))
	}
}

// work are the edits that make a lane's HEAD what lies in the lane, and what its index
// has where that is another thing; nil where it is not.
type work struct {
	files, index []edit
	filtered     bool // a file has a filter, and was taken as it lies there
}

// workOf reads the files of a sight. Line ends and the like are as git would store
// them; a filter is not run.
func (a *annex) workOf(ctx context.Context, s *Sight) (w work, err error) {
	if !s.Dirty() {
		return w, nil
	}
	root, err := os.OpenRoot(s.place.top)
	if err != nil {
		return w, err
	}
	defer root.Close()
	both := slices.ContainsFunc(s.changes, func(c pending) bool { return c.both })
	for _, c := range s.changes {
		if both {
			w.index = append(w.index, edit{path: c.path, to: c.staged})
		}
		if !c.file {
			w.files = append(w.files, edit{path: c.path, to: c.staged})
			continue
		}
		e := edit{path: c.path, whole: true}
		if e.to.mode, e.content, err = c.content(root); err != nil {
			return w, fmt.Errorf("read %s: %w", clipPath(c.path), err)
		}
		if e.to.mode == "" {
			e = edit{path: c.path, to: a.repo.submoduleAt(ctx, s.place.top, c.path)}
		}
		w.files = append(w.files, e)
	}
	w.filtered, err = a.convert(ctx, s, w.files)
	slices.SortStableFunc(w.files, goneFirst)
	slices.SortStableFunc(w.index, goneFirst)
	return w, err
}

// goneFirst orders edits so that a file can come where a directory was.
func goneFirst(x, y edit) int {
	gone := func(e edit) int {
		if e.whole || e.to.mode != "" {
			return 1
		}
		return 0
	}
	return gone(x) - gone(y)
}

// submoduleAt is where HEAD of the submodule at a path is; nothing where there is none.
func (r *Repo) submoduleAt(ctx context.Context, top, path string) blob {
	repo, ok := repositoryAt(filepath.Join(top, filepath.FromSlash(path)), top, top)
	if !ok {
		return blob{}
	}
	out, err := r.git.run(ctx, call{dir: repo.top, at: repo.place(), args: []string{"rev-parse", "--verify", "HEAD"}})
	if oid := strings.TrimSpace(string(out)); err == nil && isObjectID(oid) {
		return blob{mode: modeRepo, oid: oid}
	}
	return blob{}
}

// convert has git store what it would not store as it lies there.
func (a *annex) convert(ctx context.Context, s *Sight, edits []edit) (filtered bool, err error) {
	var paths strings.Builder
	for _, e := range edits {
		if e.whole && e.to.mode != modeLink {
			paths.WriteString(e.path + "\x00")
		}
	}
	if paths.Len() == 0 {
		return false, nil
	}
	out, err := a.in(ctx, s.place, strings.NewReader(paths.String()), "check-attr", "-z", "--stdin", "text", "eol", "crlf", "ident", "filter", "working-tree-encoding")
	if err != nil {
		return false, err
	}
	has, err := parseAttributes(out)
	if err != nil {
		return false, err
	}
	ends := a.convertsAll(ctx, s.place)
	var ask []int
	var names strings.Builder
	for i, e := range edits {
		filtered = filtered || e.whole && has[e.path].filter
		if e.whole && e.to.mode != modeLink && (has[e.path].other || (has[e.path].ends || ends) && bytes.Contains(e.content, []byte("\r\n"))) {
			ask = append(ask, i)
			names.WriteString(quoted(e.path) + "\n")
		}
	}
	if len(ask) == 0 {
		return filtered, nil
	}
	if out, err = a.in(ctx, s.place, strings.NewReader(names.String()), "hash-object", "-w", "--stdin-paths"); err != nil {
		return filtered, err
	}
	oids := strings.Fields(string(out))
	if len(oids) != len(ask) {
		return filtered, errors.New("git hash-object did not tell of each file")
	}
	for n, i := range ask {
		edits[i] = edit{path: edits[i].path, to: blob{mode: edits[i].to.mode, oid: oids[n]}}
	}
	return filtered, nil
}

// conversion is what attributes of a file put between it and its object.
type conversion struct{ ends, filter, other bool }

// parseAttributes reads git check-attr -z: path, attribute and value, each ended by NUL.
func parseAttributes(out []byte) (map[string]conversion, error) {
	has := map[string]conversion{}
	fields := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
	if len(fields)%3 != 0 && len(out) > 0 {
		return nil, fmt.Errorf("git check-attr said %.100q", out)
	}
	for ; len(fields) >= 3; fields = fields[3:] {
		a := has[fields[0]]
		set := fields[2] != "unspecified" && fields[2] != "unset"
		switch fields[1] {
		case "filter":
			a.filter = a.filter || set
		case "ident", "working-tree-encoding":
			a.other = a.other || set
		default:
			a.ends = a.ends || set
		}
		has[fields[0]] = a
	}
	return has, nil
}

// convertsAll reports that line ends are converted where no attribute says so.
func (a *annex) convertsAll(ctx context.Context, at place) bool {
	list, _, err := a.repo.git.effective(ctx, at)
	on := err != nil
	for _, s := range list {
		if s.Key == "core.autocrlf" {
			on = s.on() || strings.EqualFold(s.Value, "input")
		}
	}
	return on
}

// each does something for a number of things, a few at a time.
func each(n, atOnce int, do func(i int)) {
	var wait sync.WaitGroup
	turn := make(chan struct{}, atOnce)
	for i := range n {
		turn <- struct{}{}
		wait.Go(func() {
			defer func() { <-turn }()
			do(i)
		})
	}
	wait.Wait()
}

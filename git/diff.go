package git

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"wt-mcp/state/osfs"
)

// Part is what of a worktree is compared, and with what.
type Part string

// The parts.
const (
	Committed Part = "committed" // HEAD with the base
	Staged    Part = "staged"    // the index with HEAD
	Unstaged  Part = "unstaged"  // the files with the index
	Untracked Part = "untracked" // the files that git does not know
	All       Part = "all"       // the files, untracked ones too, with the base
)

// Comparing asks for the differences of a worktree.
type Comparing struct {
	Path  string // the worktree's top
	Part  Part
	Base  string   // a commit's id, for Committed and All
	Head  string   // the worktree's commit, where it is known
	Names []string // for the patch: these files and directories alone
}

// Diff is what differs. Changes come in git's order, untracked files last.
type Diff struct {
	Changes  []Change
	Filtered []string // files that git would put through a filter, which did not run
	Unseen   []string // what is not among the changes, or not counted, and why: words for people
}

// Diff compares. It changes nothing, not a byte of index or objects, and runs no
// filter, external diff or text conversion: where a filter would stand between a file
// and its object, the bytes are compared that lie there.
func (r *Repo) Diff(ctx context.Context, ask Comparing) (Diff, error) {
	d, err := r.differ(ctx, ask)
	if err == nil {
		defer d.close()
		err = d.run(ctx)
	}
	if err != nil {
		return Diff{}, fmt.Errorf("compare %s: %w", ask.Path, err)
	}
	return d.Diff, nil
}

// Patch writes the differences in the form of a patch, until out takes no more.
func (r *Repo) Patch(ctx context.Context, ask Comparing, out io.Writer) error {
	d, err := r.differ(ctx, ask)
	if err == nil {
		defer d.close()
	}
	if err == nil && ask.Part != Untracked {
		err = d.patchTracked(ctx, out)
	}
	if err == nil && d.looksAround() {
		err = d.patchUntracked(ctx, out)
	}
	if err != nil && !errors.Is(err, ErrOutput) {
		return fmt.Errorf("compare %s: %w", ask.Path, err)
	}
	return nil
}

// differ is one comparison at work.
type differ struct {
	Diff
	Comparing
	repo    *Repo
	at      place
	head    string // "" before the first commit
	scratch *scratch
	env     []string
	filters map[string]bool
}

func (r *Repo) differ(ctx context.Context, ask Comparing) (*differ, error) {
	admin, err := r.adminDir(ask.Path)
	if err != nil {
		return nil, err
	}
	d := &differ{Comparing: ask, repo: r, at: r.pin(admin, ask.Path)}
	if d.head = ask.Head; d.head == "" {
		d.head, _, err = r.head(ctx, admin)
	}
	if err != nil && !errors.Is(err, ErrNoCommits) {
		return nil, err
	}
	if err := d.unfiltered(ctx); err != nil {
		return nil, err
	}
	if err := d.takeIndex(); err != nil {
		d.close()
		return nil, err
	}
	return d, nil
}

// takeIndex gives git an index of its own: git diff writes into it which files turn out
// to be as they were (diff.autoRefreshIndex), locks that are optional or not.
func (d *differ) takeIndex() (err error) {
	if d.Part == Committed { // needs none, and is quicker without
		d.env = append(d.env, "GIT_INDEX_FILE="+filepath.Join(d.at.admin, "wt-mcp.none"))
	}
	if !d.atFiles() {
		return nil
	}
	if d.scratch, err = d.repo.git.scratch(); err != nil {
		return err
	}
	dir, err := osfs.Open(d.scratch.Dir)
	if err != nil {
		return err
	}
	defer dir.Close()
	d.env = append(d.env, "GIT_INDEX_FILE="+filepath.Join(d.scratch.Dir, "index"))
	return copyIndex(d.at.admin, dir, "index")
}

func (d *differ) close() {
	if d.scratch != nil {
		d.scratch.Close()
	}
}

// unfiltered turns the filters off that git would be given.
func (d *differ) unfiltered(ctx context.Context) error {
	list, _, err := d.repo.git.effective(ctx, d.at)
	if err != nil {
		return err
	}
	d.filters = map[string]bool{}
	for _, s := range list {
		if section, name, _ := s.parts(); section == "filter" {
			d.filters[name] = true
		}
	}
	var config [][2]string
	for name := range d.filters {
		for _, key := range []string{"clean", "smudge", "process"} {
			config = append(config, [2]string{"filter." + name + "." + key, ""})
		}
		config = append(config, [2]string{"filter." + name + ".required", "false"})
	}
	d.env = configEnv(config)
	return nil
}

// configEnv gives git settings that win over those of files.
func configEnv(config [][2]string) (env []string) {
	if len(config) == 0 {
		return nil
	}
	env = append(env, fmt.Sprintf("GIT_CONFIG_COUNT=%d", len(config)))
	for i, kv := range config {
		env = append(env, fmt.Sprintf("GIT_CONFIG_KEY_%d=%s", i, kv[0]), fmt.Sprintf("GIT_CONFIG_VALUE_%d=%s", i, kv[1]))
	}
	return env
}

// looksAround reports whether untracked files are compared, atFiles whether tracked
// ones are.
func (d *differ) looksAround() bool { return d.Part == All || d.Part == Untracked }
func (d *differ) atFiles() bool     { return d.Part == All || d.Part == Unstaged }

func (d *differ) run(ctx context.Context) error {
	around := make(chan error, 2)
	var others []Change
	var notes, hidden []string
	go func() {
		var err error
		if d.looksAround() {
			others, notes, err = d.others(ctx)
		}
		around <- err
	}()
	go func() {
		var err error
		if d.atFiles() {
			hidden, err = d.hidden(ctx)
		}
		around <- err
	}()
	err := d.tracked(ctx)
	if err = errors.Join(err, <-around, <-around); err != nil {
		return err
	}
	d.Changes = append(d.Changes, others...)
	d.Unseen = slices.Concat(d.Unseen, notes, hidden)
	return d.findFiltered(ctx)
}

// tracked compares what git knows.
func (d *differ) tracked(ctx context.Context) error {
	if d.Part == Untracked {
		return nil
	}
	out, err := d.git(ctx, nil, "--raw", "--numstat", "-z", "--no-abbrev")
	var unseen *Refused
	if errors.Is(err, ErrUnseen) && errors.As(err, &unseen) {
		d.Unseen, err = unseen.What, nil
	}
	if err == nil {
		d.Changes, err = parseRaw(out)
	}
	return err
}

func (d *differ) patchTracked(ctx context.Context, out io.Writer) error {
	_, err := d.git(ctx, out, "--patch")
	return err
}

// git runs the git diff of the part.
func (d *differ) git(ctx context.Context, out io.Writer, format ...string) ([]byte, error) {
	from, err := d.commits(ctx)
	if err != nil {
		return nil, err
	}
	args := slices.Concat([]string{"diff", "--no-color", "--no-ext-diff", "--no-textconv", "--find-renames",
		"--submodule=short", "--ignore-submodules=dirty", "--ita-invisible-in-index", "--src-prefix=a/", "--dst-prefix=b/"}, format, from, []string{"--"})
	for _, name := range d.Names {
		args = append(args, ":(top,literal)"+name)
	}
	c := call{dir: d.at.top, at: d.at, config: []string{"-c", "core.quotePath=false"}, args: args, env: d.env, stdout: out}
	if out != nil {
		return d.repo.git.run(ctx, c)
	}
	return d.repo.git.whole(ctx, c)
}

// commits are the arguments that say what is compared.
func (d *differ) commits(ctx context.Context) ([]string, error) {
	head, base := d.head, d.Base
	if head == "" || base == "" {
		out, err := d.repo.git.run(ctx, call{dir: d.repo.common, at: d.at, args: []string{"hash-object", "-t", "tree", "--stdin"}, stdin: strings.NewReader("")})
		if err != nil {
			return nil, err
		}
		empty := strings.TrimSpace(string(out))
		if head == "" {
			head = empty
		}
		if base == "" {
			base = empty
		}
	}
	switch d.Part {
	case Committed:
		return []string{base, head}, nil
	case Staged:
		return []string{"--cached", head}, nil
	case All:
		return []string{base}, nil
	}
	return nil, nil
}

// hidden tells of changed files that the index tells git to overlook, and of changes
// within submodules.
func (d *differ) hidden(ctx context.Context) (notes []string, err error) {
	entries, err := d.repo.entriesAt(ctx, d.at)
	if err != nil {
		return nil, err
	}
	files, err := overlooked(d.at.top, entries)
	if err != nil {
		return nil, err
	}
	left := maxRepositories
	inside, err := d.repo.changedSubmodules(ctx, populated(entries, d.at.top, d.at.top), &left)
	for _, path := range files {
		notes = append(notes, path+" is changed, and the index tells git to overlook it (assume-unchanged or skip-worktree)")
	}
	for _, path := range inside {
		notes = append(notes, "submodule "+path+" has changes of its own")
	}
	return notes, err
}

// findFiltered names the changed files whose bytes a filter would change.
func (d *differ) findFiltered(ctx context.Context) error {
	if len(d.filters) == 0 || !d.atFiles() && !d.looksAround() || len(d.Changes) == 0 {
		return nil
	}
	var names strings.Builder
	for _, c := range d.Changes {
		names.WriteString(c.Path + "\x00")
	}
	out, err := d.repo.git.run(ctx, call{dir: d.at.top, at: d.at, stdin: strings.NewReader(names.String()), args: []string{"check-attr", "-z", "--stdin", "filter"}})
	if err != nil {
		return err
	}
	fields := strings.Split(string(out), "\x00") // path, attribute, value
	for i := 0; i+2 < len(fields); i += 3 {
		if d.filters[fields[i+2]] {
			d.Filtered = append(d.Filtered, fields[i])
		}
	}
	return nil
}

package tools

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"wt-mcp/git"
	"wt-mcp/state"
	"wt-mcp/tools/ops"
)

func worktreeDiff() Tool {
	return define(Tool{
		Name:  "worktree_diff",
		Title: "What a worktree changes",
		Description: "What the worktree has changed since its base, uncommitted and untracked files too: numbers by file, then the patch. " +
			"Runs no filter or external diff.",
		Set:        Integrate,
		ReadOnly:   true,
		Idempotent: true,
	}, (*Board).WorktreeDiff, WorktreeDiffOut.text, WorktreeDiffOut.next)
}

// WorktreeDiffIn are the arguments of worktree_diff.
type WorktreeDiffIn struct {
	Name    string   `json:"name"`
	Against string   `json:"against,omitempty" jsonschema:"base (default), target, another worktree, or a ref: since they parted"`
	What    git.Part `json:"what,omitempty" jsonschema:"default all" enum:"committed,staged,unstaged,untracked,all"`
	Stat    bool     `json:"stat,omitempty" jsonschema:"numbers alone"`
	Path    string   `json:"path,omitempty" jsonschema:"one file or directory"`
	Limit   int      `json:"limit,omitempty" jsonschema:"bytes of patch; default 5000" min:"1" max:"40000"`
	Offset  int      `json:"offset,omitempty" jsonschema:"where the patch goes on" min:"0"`
}

// WorktreeDiffOut is what a worktree changes.
type WorktreeDiffOut struct {
	Name       string     `json:"name"`
	What       git.Part   `json:"what"`
	Against    string     `json:"against,omitempty" jsonschema:"what it is compared with"`
	Commit     string     `json:"commit,omitempty" jsonschema:"the commit of that"`
	Count      int        `json:"count" jsonschema:"how many files"`
	Insertions int        `json:"insertions"`
	Deletions  int        `json:"deletions"`
	Files      []FileDiff `json:"files" jsonschema:"the first ones"`
	Notes      []string   `json:"notes,omitempty" jsonschema:"what is not among them"`
	Patch      string     `json:"patch,omitempty"`
	Truncated  bool       `json:"truncated" jsonschema:"the patch goes on at next_offset"`
	NextOffset int        `json:"next_offset,omitempty"`

	rest WorktreeDiffIn
}

// FileDiff is what has become of a file.
type FileDiff struct {
	Path       string `json:"path"`
	Status     string `json:"status" jsonschema:"A added, M modified, D deleted, R renamed, T type, U unmerged, ? untracked"`
	From       string `json:"from,omitempty" jsonschema:"its name before"`
	Insertions int    `json:"insertions"`
	Deletions  int    `json:"deletions"`
	Note       string `json:"note,omitempty" jsonschema:"binary, submodule, filtered, or a change of mode"`
}

// WorktreeDiff compares a worktree with its base or something else.
func (b *Board) WorktreeDiff(ctx context.Context, in WorktreeDiffIn) (out WorktreeDiffOut, err error) {
	at, err := b.see(ctx, in.Name)
	if err == nil {
		err = b.present(at)
	}
	if err == nil {
		out, err = b.diff(ctx, at, in)
	}
	return out, b.gone(ctx, in.Name, at, err)
}

const defaultPatch = 5000

func (b *Board) diff(ctx context.Context, at whereabouts, in WorktreeDiffIn) (out WorktreeDiffOut, err error) {
	w := at.Worktree
	if in.What == "" {
		in.What = git.All
	}
	if in.Limit == 0 {
		in.Limit = defaultPatch
	}
	paths := []string{}
	if in.Path != "" {
		if paths, err = lanePaths(w, "path", []string{in.Path}); err != nil {
			return out, err
		}
	}
	out = WorktreeDiffOut{Name: w.Name, What: in.What, rest: in}
	if in.What == git.All || in.What == git.Committed {
		if out.Against, out.Commit, err = b.baseOf(ctx, w, in.Against); err != nil {
			return out, err
		}
	}
	ask := git.Comparing{Path: w.Path, Part: in.What, Base: out.Commit}
	d, err := b.Git.Diff(ctx, ask)
	if err != nil {
		return out, b.diffError(w, err)
	}
	out.fill(d, paths, room(in))
	if in.Stat || out.Count == 0 {
		return out, nil
	}
	if ask.Names = paths; len(paths) > 0 {
		ask.Names = append(ask.Names, origins(d, paths)...)
	}
	patch := &window{skip: in.Offset, left: in.Limit}
	if err := b.Git.Patch(ctx, ask, patch); err != nil {
		return out, b.diffError(w, err)
	}
	var n int
	out.Patch, n = patch.text()
	if out.Truncated = patch.more; out.Truncated {
		out.NextOffset = in.Offset + n
	}
	return out, nil
}

func (b *Board) diffError(w state.Worktree, err error) error {
	if errors.Is(err, git.ErrNotWorktree) {
		return b.notOurs(w.Path)
	}
	return ops.GitError("compare worktree "+w.Name, err)
}

// baseOf finds what a worktree is compared with, and how to say that.
func (b *Board) baseOf(ctx context.Context, w state.Worktree, against string) (name, oid string, err error) {
	head, err := b.Git.HeadOf(ctx, w.Path)
	if err != nil && !errors.Is(err, git.ErrNoCommits) {
		return "", "", b.diffError(w, err)
	}
	switch {
	case against == "" || against == "base":
		return b.recordedBase(ctx, w, head)
	case against == "target":
		if name, err = b.targetOf(ctx, w); err != nil {
			return "", "", err
		}
		against = "refs/heads/" + name
	case state.CheckName(against) == nil:
		if other, err := b.lookUp(ctx, against); err == nil && other.Name != w.Name {
			oid, err = b.Git.HeadOf(ctx, other.Path)
			return "worktree " + other.Name, oid, b.diffError(other, err)
		}
	}
	if atHead.MatchString(against) && head != "" { // of the worktree, not of the main checkout
		_, rest, _ := strings.Cut(strings.Replace(against, "@", "HEAD", 1), "HEAD")
		if name = against; rest == "" {
			return name, head, nil
		}
		against = head + rest
	}
	m, err := b.Git.Resolve(ctx, against)
	if err != nil {
		return "", "", ofArgumentAgainst(baseError(against, err))
	}
	return b.parted(ctx, cmp.Or(name, strings.TrimPrefix(m.Ref, "refs/heads/")), m.Commit, head)
}

// ofArgumentAgainst says of the argument against what is said of base_ref.
func ofArgumentAgainst(err error) error {
	var e *state.Error
	if errors.As(err, &e) {
		e.Message = strings.Replace(e.Message, "base_ref", "against", 1)
		e.Hint = "pass base, target, the name of another worktree, or a branch, tag or commit of this repository"
		if e.Details["argument"] != nil {
			e.Details["argument"] = "against"
		}
	}
	return err
}

// parted is where two histories parted; the other one itself where they never were one.
func (b *Board) parted(ctx context.Context, name, other, head string) (string, string, error) {
	if head == "" {
		return name, other, nil
	}
	base, err := b.Git.MergeBase(ctx, other, head)
	switch {
	case err != nil:
		return "", "", ops.GitError("compare with "+name, err)
	case base == "":
		return name + ", which has no history in common", other, nil
	case base != other:
		return "where it parted from " + name, base, nil
	}
	return name, other, nil
}

// recordedBase is the commit that a worktree began at, or a later one of its target that
// it was brought onto.
func (b *Board) recordedBase(ctx context.Context, w state.Worktree, head string) (name, oid string, err error) {
	if w.BaseCommit == "" || head == "" {
		return "nothing", "", nil
	}
	base := w.BaseCommit
	if began, err := b.Git.MergeBase(ctx, base, head); err == nil && began != "" {
		base = began
	}
	name = "its base"
	target, ok, err := b.Git.Branch(ctx, w.Target)
	if w.Target == "" || err != nil || !ok || target == base {
		return name, base, nil
	}
	later, err := b.Git.MergeBase(ctx, target, head)
	if err != nil || later == "" || later == head || later == base {
		return name, base, nil
	}
	if older, err := b.Git.MergeBase(ctx, base, later); err == nil && older == base {
		return name + " on " + w.Target, later, nil
	}
	return name, base, nil
}

// room is how many bytes the list of files may have.
func room(in WorktreeDiffIn) int {
	switch {
	case in.Limit > largeResult: // no model asks for that
		return in.Limit
	case in.Stat:
		return smallResult / 2
	}
	return smallResult / 5
}

// fill takes the numbers of the files below the paths.
func (out *WorktreeDiffOut) fill(d git.Diff, paths []string, room int) {
	filtered := map[string]bool{}
	for _, name := range d.Filtered {
		filtered[name] = true
	}
	out.Files = []FileDiff{}
	for _, c := range d.Changes {
		if !inPaths(paths, c.Path) && (c.From == "" || !inPaths(paths, c.From)) {
			continue
		}
		out.Count++
		out.Insertions += c.Insertions
		out.Deletions += c.Deletions
		f := fileDiff(c, filtered[c.Path])
		if room -= jsonSize(f); room >= 0 {
			out.Files = append(out.Files, f)
		}
	}
	if left := out.Count - len(out.Files); left > 0 {
		out.Notes = append(out.Notes, fmt.Sprintf("%d more files are not listed: pass path", left))
	}
	out.Notes = append(out.Notes, someFiles(d.Unseen)...)
	if left := len(d.Unseen) - len(someFiles(d.Unseen)); left > 0 {
		out.Notes = append(out.Notes, fmt.Sprintf("%d more notes of the kind", left))
	}
}

func inPaths(paths []string, name string) bool {
	for _, p := range paths {
		if name == p || strings.HasPrefix(name, p+"/") {
			return true
		}
	}
	return len(paths) == 0
}

// origins are the other names of files that were renamed into or out of the paths: git
// finds a rename only where it sees both.
func origins(d git.Diff, paths []string) (names []string) {
	for _, c := range d.Changes {
		if c.From != "" && inPaths(paths, c.Path) != inPaths(paths, c.From) {
			names = append(names, c.From, c.Path)
		}
	}
	return names
}

func fileDiff(c git.Change, filtered bool) FileDiff {
	f := FileDiff{Path: state.Visible(c.Path), Status: string(c.Kind), From: state.Visible(c.From), Insertions: c.Insertions, Deletions: c.Deletions}
	var notes []string
	if c.Binary {
		notes = append(notes, "binary")
	}
	if c.Submodule() {
		notes = append(notes, "submodule")
	}
	if filtered {
		notes = append(notes, "filtered: its bytes as they lie there")
	}
	if c.OldMode != c.Mode && (c.Kind == 'M' || c.Kind == 'R' || c.Kind == 'T') {
		notes = append(notes, "mode "+c.OldMode+" -> "+c.Mode)
	}
	f.Note = strings.Join(notes, ", ")
	return f
}

// Numbers are the files with their numbers, a line each, and the notes.
func (out WorktreeDiffOut) Numbers() string {
	head := fmt.Sprintf("%s, %s", out.Name, out.What)
	if out.Against != "" {
		head += fmt.Sprintf(" against %s %s", state.Visible(out.Against), out.Commit)
	}
	lines := []string{fmt.Sprintf("%s: %d files, +%d -%d", head, out.Count, out.Insertions, out.Deletions)}
	for _, f := range out.Files {
		line := fmt.Sprintf("%s %s +%d -%d", f.Status, f.Path, f.Insertions, f.Deletions)
		if f.From != "" {
			line = fmt.Sprintf("%s %s -> %s +%d -%d", f.Status, f.From, f.Path, f.Insertions, f.Deletions)
		}
		if f.Note != "" {
			line += " (" + f.Note + ")"
		}
		lines = append(lines, line)
	}
	for _, note := range out.Notes {
		lines = append(lines, "note: "+note)
	}
	return strings.Join(lines, "\n")
}

func (out WorktreeDiffOut) text() string {
	lines := []string{out.Numbers()}
	if out.Patch != "" {
		lines = append(lines, "  "+strings.ReplaceAll(strings.TrimSuffix(out.Patch, "\n"), "\n", "\n  "))
	}
	if out.Truncated {
		lines = append(lines, fmt.Sprintf("the patch goes on at offset %d", out.NextOffset))
	}
	return strings.Join(lines, "\n")
}

func (out WorktreeDiffOut) next() []Step {
	if !out.Truncated {
		return nil
	}
	rest := out.rest
	rest.Offset = out.NextOffset
	if rest.Limit == defaultPatch {
		rest.Limit = 0
	}
	return []Step{{"the rest", "worktree_diff", rest}}
}

package tools

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"wt-mcp/git"
	"wt-mcp/state"
	"wt-mcp/tools/ops"
)

// Finding is one thing in which board, registry, git and disk disagree.
type Finding struct {
	Kind    string `json:"kind"`
	Subject string `json:"subject"` // the task, worktree or file
	What    string `json:"what"`
	Next    string `json:"next"`             // the command or call that mends it
	Mended  string `json:"mended,omitempty"` // what was done about it

	mend func(context.Context) (string, error) // nil: a person has to decide
}

// Mendable reports whether [Board.Mend] can do something about it without
// deciding anything for a person.
func (f Finding) Mendable() bool { return f.mend != nil }

// Diagnose compares what the board, the registry, git and the disk say. It
// changes nothing.
func (b *Board) Diagnose(ctx context.Context) ([]Finding, error) {
	trees, err := b.Git.Worktrees(ctx)
	if err != nil {
		return nil, ops.GitError("list worktrees", err)
	}
	var all []Finding
	err = b.State.View(ctx, func(v *state.View) error {
		d := diagnosis{board: b, trees: trees, lost: map[string]bool{}}
		all = nil
		if err := d.read(v); err != nil {
			return err
		}
		d.operations()
		d.files()
		d.registry(ctx)
		d.strays()
		d.bindings()
		d.circles()
		d.forgotten()
		all = d.found
		return nil
	})
	if err != nil {
		return all, err
	}
	d := diagnosis{board: b, found: all}
	err = errors.Join(d.drivers(ctx), d.tracked(ctx))
	return d.found, err
}

// Mend does what can be done about the findings without deciding anything for a
// person, and says what it did. It deletes no work.
func (b *Board) Mend(ctx context.Context, findings []Finding) ([]Finding, error) {
	var errs []error
	for i, f := range findings {
		if f.mend == nil {
			continue
		}
		did, err := f.mend(ctx)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", f.Subject, err))
			continue
		}
		findings[i].Mended = did
	}
	return findings, errors.Join(errs...)
}

// diagnosis holds the four sides side by side.
type diagnosis struct {
	board    *Board
	trees    []git.Worktree
	tasks    *state.Tasks
	entries  []state.Worktree
	indexErr error
	intents  []state.Intent
	claims   []state.Claim
	lost     map[string]bool // names of worktrees that the registry has lost, in lower case
	found    []Finding
}

func (d *diagnosis) read(v *state.View) (err error) {
	if d.tasks, err = v.Tasks(); err != nil {
		return err
	}
	d.entries, d.indexErr = v.Worktrees()
	if d.claims, err = v.Claims(); err != nil {
		return err
	}
	d.intents, err = v.Intents()
	return err
}

func (d *diagnosis) add(f Finding) { d.found = append(d.found, f) }

// operations finds what dead processes left half done.
func (d *diagnosis) operations() {
	for _, in := range d.intents {
		d.add(Finding{Kind: "unfinished", Subject: in.Name,
			What: fmt.Sprintf("%s began to %s worktree %s and has not finished", in.Holder, in.Kind, in.Name),
			Next: "wt-mcp doctor --fix, unless it is still running",
			mend: func(ctx context.Context) (string, error) {
				if err := d.board.ops().RecoverOne(ctx, in); state.CodeOf(err) == state.Busy {
					return "it is still running", nil
				} else if err != nil {
					return "", err
				}
				return "finished or undone, as far as git had got", nil
			}})
	}
}

// files finds what cannot be read, and copies that file synchronisers make.
func (d *diagnosis) files() {
	for _, p := range d.tasks.Problems {
		d.add(Finding{Kind: "unreadable", Subject: p.File, What: p.Error, Next: "mend the file by hand, or move it out of " + state.TasksDir})
	}
	if d.indexErr != nil {
		d.add(Finding{Kind: "unreadable", Subject: state.IndexFile, What: d.indexErr.Error(), Next: hintOf(d.indexErr), mend: d.rebuild})
	}
	entries, err := os.ReadDir(filepath.Join(d.board.State.Root(), state.TasksDir))
	if err != nil {
		return
	}
	for _, e := range entries {
		if name := e.Name(); !state.IsTaskFile(name) && !strings.HasPrefix(name, ".") {
			d.add(Finding{Kind: "foreign", Subject: name, What: "it lies in " + state.TasksDir + " and is no task file; the board does not read it",
				Next: "compare it with the task of its number, then move it away"})
		}
	}
}

// registry finds entries that git or the disk contradicts.
func (d *diagnosis) registry(ctx context.Context) {
	k := known{trees: d.trees, entries: d.entries, strays: d.board.Git.Strays(filepath.Dir(d.board.worktreePath("x")))}
	for _, w := range d.entries {
		if w.Live() && !d.unfinished(w.Name) {
			d.entry(d.board.find(ctx, k, w))
			d.commit(w)
		}
	}
}

// entry tells of one entry where its worktree is not as the board has it.
func (d *diagnosis) entry(at whereabouts) {
	switch at.kind {
	case isGone:
		d.gone(at)
	case isBroken:
		d.pointer(at)
	case isForeign:
		d.add(Finding{Kind: "copy", Subject: at.Name, What: at.Path + ": " + at.note, Next: "leave it to that repository; here worktree_create makes another one, under another name"})
	case isCopied, isCarried:
		d.relink(at)
	case isMoved, isSwitched:
		d.settled(at)
	}
}

// commit finds git's lock of a commit of ours whose process died.
func (d *diagnosis) commit(w state.Worktree) {
	if r := d.board.runner(); r.LeftCommit(w) {
		d.add(Finding{Kind: "unfinished", Subject: w.Name, What: "a commit was cut short, and has left git's lock on the index", Next: "wt-mcp doctor --fix, or the next call that changes the worktree",
			mend: func(ctx context.Context) (string, error) {
				return "the index is as git has the commit, or as it was without", r.FinishCommit(ctx, w)
			}})
	}
}

// settled is a worktree that a person moved, or put on another branch, with git.
func (d *diagnosis) settled(at whereabouts) {
	f := Finding{Kind: "branch", Subject: at.Name, What: fmt.Sprintf("the board says branch %s, git has %s checked out", at.was.Branch, at.Branch), Next: "wt-mcp doctor --fix takes over what git says"}
	if at.kind == isMoved {
		f.Kind, f.What, f.Next = "moved", fmt.Sprintf("git has it at %s, the board at %s", at.Path, at.was.Path), "wt-mcp doctor --fix takes over the new path"
	}
	now := map[bool]string{true: at.Path, false: at.Branch}[at.kind == isMoved]
	f.mend = func(ctx context.Context) (string, error) {
		return "the board says " + now + " now", d.board.settle(ctx, &at)
	}
	d.add(f)
}

// relink is a worktree that was moved by hand, or moved or copied along with the
// repository: git's two pointers and the board still name the old place.
func (d *diagnosis) relink(at whereabouts) {
	kind := map[bool]string{true: "copy", false: "moved"}[at.kind == isCopied]
	d.add(Finding{Kind: kind, Subject: at.Name, What: fmt.Sprintf("the board says %s, but it lies at %s: %s", at.was.Path, at.Path, at.note),
		Next: "wt-mcp doctor --fix ties it to this repository; it writes into no other one", mend: func(ctx context.Context) (string, error) {
			at.kind = isCarried
			return "git and the board say " + at.Path + " now", d.board.settle(ctx, &at)
		}})
}

func (d *diagnosis) unfinished(name string) bool {
	for _, in := range d.intents {
		if strings.EqualFold(in.Name, name) {
			return true
		}
	}
	return false
}

// pointer is a worktree whose .git file is gone or leads elsewhere: git would act on
// the repository around it. Whether the directory is still the worktree's own is a
// person's decision.
func (d *diagnosis) pointer(at whereabouts) {
	next := "move the directory away, then worktree_remove"
	if text := d.board.Git.PointerFor(at.Path); text != "" {
		next = fmt.Sprintf("if the directory is the worktree's own, its .git file has to hold %q; if it is not, move it away instead", text)
	}
	d.add(Finding{Kind: "pointer", Subject: at.Name, What: "the .git file of " + at.Path + " is gone or leads elsewhere: git there would act on another checkout", Next: next})
}

func (d *diagnosis) gone(at whereabouts) {
	what := "its directory is gone and git does not know it any more"
	for _, t := range d.trees {
		if t.Path == at.Path {
			what = "its directory is gone; git still lists it"
		}
	}
	d.add(Finding{Kind: "gone", Subject: at.Name, What: what, Next: fmt.Sprintf(`worktree_remove {"name":%q}`, at.Name),
		mend: func(ctx context.Context) (string, error) {
			_, _, err := d.board.remove(ctx, ops.Remove{Worktree: state.Worktree{Name: at.Name}, Reason: what})
			return "taken off the board; its branch is as worktree_remove leaves it", err
		}})
}

func (d *diagnosis) claimed(path string) bool {
	for _, w := range d.entries {
		if w.Live() && w.Path == path {
			return true
		}
	}
	return false
}

// strays finds worktrees of ours that the registry lost.
func (d *diagnosis) strays() {
	if d.indexErr != nil {
		return
	}
	for _, t := range d.trees {
		w, ours := d.board.lane(t)
		if !ours || d.claimed(t.Path) || d.unfinished(w.Name) || d.liveName(w.Name) {
			continue
		}
		d.lost[strings.ToLower(w.Name)] = true
		d.add(Finding{Kind: "lost", Subject: w.Name, What: t.Path + " is a worktree of the board that the registry has lost",
			Next: "wt-mcp doctor --fix puts it back", mend: func(ctx context.Context) (string, error) {
				return "back on the board", d.board.reenter(ctx, state.RecoveryLost, w)
			}})
	}
}

func (d *diagnosis) liveName(name string) bool {
	for _, w := range d.entries {
		if w.Live() && strings.EqualFold(w.Name, name) {
			return true
		}
	}
	return false
}

// rebuild writes the registry anew from what git knows.
func (d *diagnosis) rebuild(ctx context.Context) (string, error) {
	if err := d.board.rebuildIndex(ctx); err != nil {
		return "", err
	}
	return "kept aside, and rebuilt from git", nil
}

// bindings finds tasks and worktrees that do not name each other.
func (d *diagnosis) bindings() {
	claims := map[string][]*state.TaskSummary{}
	for _, t := range d.tasks.All {
		if t.Worktree != "" {
			claims[strings.ToLower(t.Worktree)] = append(claims[strings.ToLower(t.Worktree)], t)
		}
	}
	for _, w := range d.entries {
		if w.Live() {
			d.binding(w, claims[strings.ToLower(w.Name)])
			delete(claims, strings.ToLower(w.Name))
		}
	}
	var names []string
	for name := range claims {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		for _, t := range claims[name] {
			if !d.unfinished(name) && !d.lost[name] && d.indexErr == nil {
				d.dangling(t)
			}
		}
	}
}

func (d *diagnosis) binding(w state.Worktree, claims []*state.TaskSummary) {
	for _, t := range claims {
		if w.TaskID != nil && *w.TaskID == t.ID {
			return
		}
	}
	switch {
	case len(claims) > 1:
		d.add(Finding{Kind: "binding", Subject: w.Name, What: fmt.Sprintf("%d tasks name it", len(claims)), Next: "task_bind_worktree with the one that it is for"})
	case len(claims) == 1:
		t := claims[0]
		d.add(Finding{Kind: "binding", Subject: w.Name, What: fmt.Sprintf("task %d names it, it does not name task %d", t.ID, t.ID),
			Next: "wt-mcp doctor --fix writes both sides", mend: func(ctx context.Context) (string, error) {
				return fmt.Sprintf("bound to task %d on both sides", t.ID), d.board.setTask(ctx, w.Name, &t.ID)
			}})
	case w.TaskID != nil:
		d.add(Finding{Kind: "binding", Subject: w.Name, What: fmt.Sprintf("it names task %d, which does not name it", *w.TaskID),
			Next: "wt-mcp doctor --fix clears it", mend: func(ctx context.Context) (string, error) {
				return "bound to no task now", d.board.setTask(ctx, w.Name, nil)
			}})
	}
}

// dangling is a task whose worktree is not there.
func (d *diagnosis) dangling(t *state.TaskSummary) {
	d.add(Finding{Kind: "binding", Subject: fmt.Sprintf("task %d", t.ID), What: fmt.Sprintf("it names worktree %s, which is not on the board", t.Worktree),
		Next: "wt-mcp doctor --fix clears it", mend: func(ctx context.Context) (string, error) {
			return "bound to no worktree now", d.board.update(ctx, func(tx *state.Tx) error {
				now, err := tx.Task(t.ID)
				if err != nil {
					return err
				}
				now.Worktree = ""
				tx.PutTask(now)
				tx.Emit(state.Event{Event: state.RecoveryBinding, Actor: d.board.Actor, Task: state.Fields{"id": t.ID}, Worktree: state.Fields{"name": t.Worktree}})
				return nil
			})
		}})
}

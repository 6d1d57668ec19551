package tools

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"wt-mcp/state"
	"wt-mcp/tools/disk"
	"wt-mcp/tools/ops"
)

func worktreePrune() Tool {
	return define(Tool{
		Name:  "worktree_prune",
		Title: "Clear worktrees that are done",
		Description: "Find the worktrees that can go without loss: clean, unused, of no open task, with nothing that has not landed. " +
			"Says why each other one stays. dry_run=false removes them, as worktree_remove does.",
		Set:         Integrate,
		Quiet:       []string{"kept.path", "kept.reasons.code", "kept.reasons.kind"},
		Destructive: true,
	}, (*Board).WorktreePrune, WorktreePruneOut.text, WorktreePruneOut.next)
}

// WorktreePruneIn are the arguments of worktree_prune.
type WorktreePruneIn struct {
	DryRun    *bool  `json:"dry_run,omitempty" jsonschema:"default true: change nothing"`
	OlderThan string `json:"older_than,omitempty" jsonschema:"since its last activity, such as 30m, 12h, 7d; default 1h"`
}

// KeptWorktree is one that stays, and why.
type KeptWorktree struct {
	Name    string   `json:"name" jsonschema:"empty where it is not on the board"`
	Path    string   `json:"path"`
	Reasons []Reason `json:"reasons"`
}

// WorktreePruneOut is what went, or would go.
type WorktreePruneOut struct {
	DryRun  bool           `json:"dry_run"`
	Bytes   int64          `json:"bytes" jsonschema:"that the removed ones took"`
	Removed []string       `json:"removed" jsonschema:"what went; with dry_run what would go"`
	Kept    []KeptWorktree `json:"kept"`
	More    int            `json:"more,omitempty" jsonschema:"kept ones that are not listed"`

	olderThan string
}

// WorktreePrune removes what nobody misses: an active worktree that worktree_remove
// would take without force, with no open task, no activity for a while, and a
// branch that has landed or whose commits are all elsewhere too. Kept ones were
// kept by somebody's choice, those of others are not on the board: both stay.
func (b *Board) WorktreePrune(ctx context.Context, in WorktreePruneIn) (WorktreePruneOut, error) {
	out := WorktreePruneOut{DryRun: in.DryRun == nil || *in.DryRun, Removed: []string{}, Kept: []KeptWorktree{}, olderThan: in.OlderThan}
	idle, err := parseAge(in.OlderThan)
	if err != nil {
		return out, err
	}
	var all []state.Worktree
	err = b.State.View(ctx, func(v *state.View) (err error) {
		all, err = v.Worktrees()
		return err
	})
	if err != nil {
		return out, err
	}
	k, err := b.known(ctx, all)
	if err != nil {
		return out, err
	}
	found := b.judge(ctx, k)
	for _, one := range found {
		if err := b.prune(ctx, one, idle, &out); err != nil {
			return out, err
		}
	}
	strangers := b.untracked(k, placesOf(found))
	for _, u := range strangers {
		out.keep(KeptWorktree{Path: u.Path, Reasons: []Reason{{Kind: "untracked", Code: state.Conflict, Detail: "it is not on the board",
			Next: fmt.Sprintf(`worktree_adopt {"path":%q}, or leave it to whoever made it`, u.Path)}}})
	}
	return out, nil
}

// judged is a worktree with what speaks against taking it away.
type judged struct {
	whereabouts
	unused  time.Duration
	reasons []Reason
}

// judge looks at every live worktree, at a few at a time.
func (b *Board) judge(ctx context.Context, k known) []judged {
	const atOnce = 4
	runs, found := b.Runs.Last(), []judged{}
	for _, w := range k.entries {
		if w.Live() {
			at := b.find(ctx, k, w)
			found = append(found, judged{whereabouts: at, unused: time.Since(b.lastActivity(at.Worktree, runs))})
		}
	}
	var group sync.WaitGroup
	room := make(chan struct{}, atOnce)
	for i := range found {
		room <- struct{}{}
		group.Go(func() {
			defer func() { <-room }()
			reasons, err := b.missed(ctx, found[i].whereabouts)
			if err != nil {
				reasons = []Reason{errorReason(ops.GitError("look at worktree "+found[i].Name, err))}
			}
			found[i].reasons = reasons
		})
	}
	group.Wait()
	return found
}

// prune removes one worktree, unless it stays or this is a dry run.
func (b *Board) prune(ctx context.Context, w judged, idle time.Duration, out *WorktreePruneOut) error {
	if w.unused < idle {
		w.reasons = append(w.reasons, Reason{Kind: "recent", Code: state.InUse, Detail: "it was used " + ago(w.unused), Next: "wait, or pass a shorter older_than"})
	}
	if len(w.reasons) > 0 {
		out.keep(KeptWorktree{Name: w.Name, Path: w.Path, Reasons: w.reasons})
		return ctx.Err()
	}
	usage, _ := disk.Of(ctx, w.Path) // one that is gone takes nothing
	if !out.DryRun {
		if _, _, err := b.remove(ctx, ops.Remove{Worktree: state.Worktree{Name: w.Name}, Reason: "worktree_prune"}); err != nil {
			out.keep(KeptWorktree{Name: w.Name, Path: w.Path, Reasons: []Reason{errorReason(err)}})
			return ctx.Err()
		}
	}
	out.Removed = append(out.Removed, w.Name)
	out.Bytes += usage.Bytes
	return nil
}

// placesOf are the paths of worktrees of the board.
func placesOf(found []judged) (paths []string) {
	for _, one := range found {
		paths = append(paths, one.Path)
	}
	return paths
}

// keep lists one as long as there is room in the answer.
func (out *WorktreePruneOut) keep(k KeptWorktree) {
	if jsonSize(out)+jsonSize(k) > smallResult {
		out.More++
		return
	}
	out.Kept = append(out.Kept, k)
}

func errorReason(err error) Reason {
	return Reason{Kind: "error", Code: state.CodeOf(err), Detail: state.Visible(state.Clip(err.Error(), 300)), Next: hintOf(err)}
}

// missed is why somebody might miss a worktree: what is against its removal, and
// what speaks for its being in use or not done.
func (b *Board) missed(ctx context.Context, at whereabouts) (all []Reason, err error) {
	if err := b.present(at); err != nil { // one that is gone may have been moved by hand
		return nil, err
	}
	w := at.Worktree
	if at.note != "" {
		detail := at.note
		if at.kind == isSwitched {
			detail = fmt.Sprintf("branch %q is checked out there, not %q", state.Visible(w.Branch), state.Visible(at.was.Branch))
		}
		all = append(all, Reason{Kind: "branch", Code: state.Conflict, Detail: detail, Next: fmt.Sprintf(`worktree_remove {"name":%q} if nobody needs that checkout`, w.Name)})
	}
	if w.Status == state.Kept {
		all = append(all, Reason{Kind: "kept", Code: state.Conflict, Detail: "somebody chose to keep it",
			Next: fmt.Sprintf(`worktree_remove {"name":%q} when that is over`, w.Name)})
	}
	task, err := b.openTask(ctx, w)
	if err != nil {
		return nil, err
	}
	if task > 0 {
		all = append(all, Reason{Kind: "task", Code: state.Conflict, Detail: fmt.Sprintf("its task %d is open", task),
			Next: fmt.Sprintf(`worktree_remove {"name":%q,"complete_task":true} if it is done`, w.Name)})
	}
	against, err := b.against(ctx, w)
	if err != nil {
		return nil, err
	}
	all = append(all, against...)
	unlanded, err := b.lonely(ctx, w)
	if unlanded != nil {
		all = append(all, Reason{Kind: "unlanded", Code: state.Unmerged, Detail: fmt.Sprintf("%s not in %s yet", counted(unlanded.Commits, "commit"), state.Visible(unlanded.Target)),
			Next: fmt.Sprintf(`land them with worktree_merge {"name":%q} or a pull request, or worktree_remove {"name":%q}, which leaves them on the branch`, w.Name, w.Name)})
	}
	return all, err
}

// lonely is what of a worktree's branch is neither in its target nor on any other
// ref.
func (b *Board) lonely(ctx context.Context, w state.Worktree) (*Unlanded, error) {
	if w.Branch == "" {
		return nil, nil
	}
	oid, ok, err := b.Git.Branch(ctx, w.Branch)
	if err != nil || !ok {
		return nil, err
	}
	own, err := b.Git.UniqueCommits(ctx, oid, w.Branch)
	if err != nil || own == 0 {
		return nil, err
	}
	unlanded, how, err := b.landing(ctx, w.Branch, destination(w))
	if err != nil {
		return nil, err
	}
	if unlanded == nil && how == "" { // it cannot be told
		unlanded = &Unlanded{Target: "any other branch", Commits: own}
	}
	return unlanded, nil
}

// openTask is the open task that has a worktree; 0 for none.
func (b *Board) openTask(ctx context.Context, w state.Worktree) (id int, err error) {
	err = b.State.View(ctx, func(v *state.View) error {
		tasks, err := v.Tasks()
		if err != nil {
			return err
		}
		id = 0
		for _, t := range tasks.All {
			if t.Status.Open() && (strings.EqualFold(t.Worktree, w.Name) || w.TaskID != nil && *w.TaskID == t.ID) {
				id = t.ID
			}
		}
		return nil
	})
	return id, err
}

// parseAge reads a number with one of s, m, h, d, w behind it.
func parseAge(text string) (time.Duration, error) {
	if text == "" {
		return time.Hour, nil
	}
	units := map[byte]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour, 'w': 7 * 24 * time.Hour}
	unit := units[text[len(text)-1]]
	n, err := strconv.ParseUint(text[:len(text)-1], 10, 16)
	if err != nil || unit == 0 {
		return 0, state.Invalid("older_than", "pass a whole number up to 65535 and a unit, such as 30m, 12h, 7d", "%q is no age", state.Visible(state.Clip(text, 40)))
	}
	return time.Duration(n) * unit, nil
}

func (out WorktreePruneOut) text() string {
	did := "removed"
	if out.DryRun {
		did = "would remove"
	}
	text := did + " nothing"
	if len(out.Removed) > 0 {
		const shown = 20
		text = fmt.Sprintf("%s %s: %s", did, size(out.Bytes), join(out.Removed[:min(shown, len(out.Removed))]))
		if more := len(out.Removed) - shown; more > 0 {
			text += fmt.Sprintf(" and %d more", more)
		}
	}
	for _, k := range out.Kept {
		text += "\nstays: " + state.Visible(k.Name)
		if k.Name == "" {
			text += state.Visible(k.Path)
		}
		for i, r := range k.Reasons {
			text += map[bool]string{true: ": ", false: "; "}[i == 0] + r.Detail + " -> " + r.Next
		}
	}
	if out.More > 0 {
		text += fmt.Sprintf("\n%d more stay", out.More)
	}
	return text
}

func (out WorktreePruneOut) next() []Step {
	if !out.DryRun || len(out.Removed) == 0 {
		return nil
	}
	return []Step{{"remove them", "worktree_prune", WorktreePruneIn{DryRun: new(bool), OlderThan: out.olderThan}}}
}

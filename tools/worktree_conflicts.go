package tools

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"wt-mcp/git"
	"wt-mcp/state"
	"wt-mcp/tools/rules"
)

func worktreeConflicts() Tool {
	return define(Tool{
		Name:        "worktree_conflicts",
		Title:       "See which worktrees would collide",
		Description: "Show which worktrees change the same lines, uncommitted work included, so that the one that lands second has conflicts; and which conflict with their target.",
		Set:         Integrate,
		ReadOnly:    true,
		Idempotent:  true,
	}, (*Board).WorktreeConflicts, WorktreeConflictsOut.text, WorktreeConflictsOut.next)
}

// WorktreeConflictsIn are the arguments of worktree_conflicts.
type WorktreeConflictsIn struct {
	Name  string `json:"name,omitempty" jsonschema:"only what this worktree is part of"`
	Limit int    `json:"limit,omitempty" jsonschema:"how many pairs, default 20" min:"1" max:"500"`
}

// ConflictPair are two worktrees that would collide.
type ConflictPair struct {
	A     string      `json:"a"`
	TaskA int         `json:"task_a,omitempty"`
	B     string      `json:"b"`
	TaskB int         `json:"task_b,omitempty"`
	Files []git.Clash `json:"files" jsonschema:"lines are those of the target's file, from and to"`
	More  int         `json:"files_left_out,omitempty"`
	Why   string      `json:"unknown,omitempty" jsonschema:"why they could not be compared"`
}

// ConflictTarget is a worktree that conflicts with what its target has by now.
type ConflictTarget struct {
	Name   string      `json:"name"`
	Target string      `json:"target"`
	Files  []git.Clash `json:"files"`
	More   int         `json:"files_left_out,omitempty"`
}

// UnseenLane is a worktree of which not all was compared.
type UnseenLane struct {
	Name string `json:"name"`
	Why  string `json:"why"`
}

// WorktreeConflictsOut is which worktrees would collide. Nothing is said of one that
// is unseen.
type WorktreeConflictsOut struct {
	Pairs    []ConflictPair    `json:"pairs"`
	Target   []ConflictTarget  `json:"target"`
	AsOf     map[string]string `json:"as_of" jsonschema:"by worktree, when it was looked at"`
	Unseen   []UnseenLane      `json:"unseen,omitempty" jsonschema:"not, or not wholly, compared"`
	Filtered []string          `json:"filtered,omitempty" jsonschema:"have files with a filter, compared as they lie there"`
	LeftOut  int               `json:"pairs_left_out,omitempty"`

	at    float64
	asked WorktreeConflictsIn
}

// conflictFiles is how many files an answer names of a pair.
const conflictFiles = 20

// WorktreeConflicts compares the worktrees on the board with each other and with what
// they are to land in. It changes none of them, nor the repository.
func (b *Board) WorktreeConflicts(ctx context.Context, in WorktreeConflictsIn) (out WorktreeConflictsOut, err error) {
	if in.Name != "" {
		err = b.State.View(ctx, func(v *state.View) error {
			w, err := rules.Live(v, in.Name)
			in.Name = w.Name
			return err
		})
		if err != nil {
			return out, err
		}
	}
	found, err := b.look(ctx, radarFresh)
	if err != nil {
		return out, err
	}
	out = WorktreeConflictsOut{Pairs: []ConflictPair{}, Target: []ConflictTarget{}, AsOf: map[string]string{}, at: found.At, asked: in}
	out.fill(found, newPage(in.Limit, 20))
	return out, nil
}

// concerns reports that an answer is about any of these worktrees.
func (in WorktreeConflictsIn) concerns(names ...string) bool {
	return in.Name == "" || slices.ContainsFunc(names, func(name string) bool { return strings.EqualFold(name, in.Name) })
}

// fill takes what was asked for, as long as it fits.
func (out *WorktreeConflictsOut) fill(found *radar, p page) {
	tasks := map[string]int{}
	for _, lane := range found.Lanes {
		if lane.TaskID != nil {
			tasks[lane.Name] = *lane.TaskID
		}
		if len(lane.Unseen) > 0 { // one that is unseen may be part of anything
			out.Unseen = append(out.Unseen, UnseenLane{lane.Name, state.Clip(state.Visible(strings.Join(lane.Unseen, "; ")), 300)})
		}
		if !out.asked.concerns(lane.Name) {
			continue
		}
		out.AsOf[lane.Name] = state.Time(found.At).Format(time.RFC3339)
		if lane.Filtered {
			out.Filtered = append(out.Filtered, lane.Name)
		}
		if t := (ConflictTarget{Name: lane.Name, Target: lane.Branch}); len(lane.Against) > 0 {
			t.Files, t.More = fitClashes(lane.Against)
			out.Target = append(out.Target, t)
			p.bytes -= jsonSize(t)
		}
	}
	for _, pair := range found.Pairs {
		if !out.asked.concerns(pair.A, pair.B) {
			continue
		}
		c := ConflictPair{A: pair.A, B: pair.B, TaskA: tasks[pair.A], TaskB: tasks[pair.B], Why: pair.Why}
		c.Files, c.More = fitClashes(pair.Clashes)
		if p.full || !p.take(c, len(out.Pairs) == 0) {
			out.LeftOut++
			continue
		}
		out.Pairs = append(out.Pairs, c)
	}
}

// fitClashes takes the first ones, each with a few ranges of lines, safe to show.
func fitClashes(all []git.Clash) (some []git.Clash, more int) {
	const ranges = 10
	some = []git.Clash{}
	for _, c := range all[:min(len(all), conflictFiles)] {
		c.Path, c.Kind = state.Visible(c.Path), state.Visible(state.Clip(c.Kind, 60))
		c.Lines = c.Lines[:min(len(c.Lines), ranges)]
		some = append(some, c)
	}
	return some, len(all) - len(some)
}

func (out WorktreeConflictsOut) text() string {
	var lines []string
	if len(out.Pairs) == 0 && len(out.Target) == 0 {
		lines = append(lines, "No conflicts"+map[bool]string{true: " in what could be compared", false: ""}[len(out.Unseen) > 0]+".")
	}
	for _, p := range out.Pairs {
		if p.Why != "" {
			lines = append(lines, fmt.Sprintf("%s and %s: not known, %s", laneAndTask(p.A, p.TaskA), laneAndTask(p.B, p.TaskB), p.Why))
			continue
		}
		lines = append(lines, fmt.Sprintf("%s and %s collide in %s", laneAndTask(p.A, p.TaskA), laneAndTask(p.B, p.TaskB), clashText(p.Files, p.More)))
	}
	for _, t := range out.Target {
		lines = append(lines, fmt.Sprintf("%s conflicts with its target %s in %s", t.Name, state.Visible(t.Target), clashText(t.Files, t.More)))
	}
	for _, u := range out.Unseen {
		lines = append(lines, fmt.Sprintf("not all seen of %s: %s", u.Name, u.Why))
	}
	if len(out.Filtered) > 0 {
		lines = append(lines, "files with a filter were compared as they lie there: "+join(out.Filtered))
	}
	if out.LeftOut > 0 {
		lines = append(lines, fmt.Sprintf("and %d pairs more", out.LeftOut))
	}
	if len(out.AsOf) > 0 {
		lines = append(lines, fmt.Sprintf("as of %s: %s", state.Clock(out.at), join(sortedKeys(out.AsOf))))
	}
	return state.Lines(lines...)
}

func sortedKeys(of map[string]string) (keys []string) {
	for key := range of {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

func laneAndTask(name string, task int) string {
	if task == 0 {
		return name
	}
	return fmt.Sprintf("%s (#%d)", name, task)
}

// LineRanges is 3-5, 9
func LineRanges(lines [][2]int) string {
	var ranges []string
	for _, l := range lines {
		r := fmt.Sprint(l[0])
		if l[1] != l[0] {
			r += fmt.Sprintf("-%d", l[1])
		}
		ranges = append(ranges, r)
	}
	return join(ranges)
}

// clashText is auth.go lines 3-5, 9; old.go (modify/delete); and 2 files more
func clashText(files []git.Clash, more int) string {
	var parts []string
	for _, c := range files {
		text := c.Path
		if len(c.Lines) > 0 {
			text += " lines " + LineRanges(c.Lines)
		}
		parts = append(parts, text+" ("+c.Kind+")")
	}
	if more > 0 {
		parts = append(parts, fmt.Sprintf("and %d files more", more))
	}
	return strings.Join(parts, "; ")
}

// next is what ends a collision: agree, or land one and bring the other up to date.
func (out WorktreeConflictsOut) next() (steps []Step) {
	if len(out.Target) > 0 {
		steps = append(steps, Step{"bring it up to date", "worktree_sync", state.Fields{"name": out.Target[0].Name}})
	}
	i := slices.IndexFunc(out.Pairs, func(p ConflictPair) bool { return p.Why == "" })
	if i >= 0 {
		p := out.Pairs[i]
		steps = append(steps, Step{Why: fmt.Sprintf("agree with who works on the other one, or land %s first, then bring %s up to date", p.A, p.B)})
		if p.TaskB != 0 {
			steps = append(steps, Step{"talk", "task_update", state.Fields{"task_id": p.TaskB, "note": "overlaps with " + p.A}})
		}
	}
	if out.LeftOut > 0 {
		again := out.asked
		again.Limit = len(out.Pairs) + out.LeftOut
		steps = append(steps, Step{"all of them", "worktree_conflicts", again})
	}
	return steps
}

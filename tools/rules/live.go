package rules

import (
	"fmt"
	"strings"

	"wt-mcp/state"
)

// Live returns the entry of a worktree that exists on the registry.
func Live(v *state.View, name string) (state.Worktree, error) {
	if err := state.CheckName(name); err != nil {
		return state.Worktree{}, err
	}
	w, ok, err := v.Worktree(name)
	switch {
	case err != nil:
		return w, err
	case !ok:
		return w, unknownWorktree(v, name)
	case !w.Live():
		return w, removedWorktree(w)
	}
	return w, nil
}

func removedWorktree(w state.Worktree) error {
	hint := fmt.Sprintf(`call worktree_create {"name":%q} to make a new one of that name`, w.Name)
	if w.Closeout != nil && w.Closeout.Snapshot != "" {
		hint = fmt.Sprintf(`worktree_restore {"snapshot":%q} brings it back; or `, w.Closeout.Snapshot) + hint
	}
	return state.Errorf(state.NotFound, hint, "worktree %s was removed", w.Name)
}

func unknownWorktree(v *state.View, name string) error {
	all, err := v.Worktrees()
	if err != nil {
		return err
	}
	var names []string
	for _, w := range all {
		if w.Live() {
			names = append(names, w.Name)
		}
	}
	near := state.Nearest(name, names, 3)
	hint := "call worktree_list to see the worktrees"
	if len(near) > 0 {
		hint = fmt.Sprintf("nearest: %s; %s", strings.Join(near, ", "), hint)
	}
	return state.Errorf(state.NotFound, hint, "there is no worktree %q", state.Clip(name, 60)).With("nearest", near)
}

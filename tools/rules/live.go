package rules

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"wt-mcp/state"
)

// Live returns the entry of a worktree that exists on the registry.
func Live(v *state.View, name string) (state.Worktree, error) {
	if err := state.CheckName(name); err != nil {
		return state.Worktree{}, orMeant(v, name, err)
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

// LaneAt is the name of the live worktree whose branch or path that is, or in which the
// path lies; empty where there is none.
func LaneAt(v *state.View, said string) (name string, err error) {
	all, err := v.Worktrees()
	for _, w := range all {
		if w.Live() && isAt(w, said) {
			return w.Name, err
		}
	}
	return "", err
}

// orMeant is the error of what is no name, with the name of the worktree whose path
// or branch it is.
func orMeant(v *state.View, name string, err error) error {
	all, unread := v.Worktrees()
	i := slices.IndexFunc(all, func(w state.Worktree) bool { return w.Live() && isAt(w, name) })
	if unread != nil || i < 0 {
		return err
	}
	return state.Errorf(state.InvalidArgument, fmt.Sprintf("repeat the call with %q", all[i].Name),
		"name %q is not a worktree name, it is where worktree %s is", state.Clip(name, 100), all[i].Name).With("argument", "name").With("nearest", []string{all[i].Name})
}

// isAt reports whether a name is the worktree's branch, its path, or a path in it.
func isAt(w state.Worktree, name string) bool {
	if w.Branch != "" && strings.TrimPrefix(name, "refs/heads/") == w.Branch {
		return true
	}
	name = filepath.Clean(name)
	if !filepath.IsAbs(name) {
		_, below, found := strings.Cut("/"+filepath.ToSlash(name)+"/", "/"+state.WorktreesDir+"/")
		return found && strings.HasPrefix(below, w.Name+"/")
	}
	return name == w.Path || strings.HasPrefix(name, w.Path+string(filepath.Separator))
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

package tools

import (
	"path"
	"path/filepath"
	"strings"

	"wt-mcp/state"
)

// lanePaths are the paths that an argument names in a worktree, relative to its top and
// with slashes; none where one is the top itself.
func lanePaths(w state.Worktree, argument string, given []string) (paths []string, err error) {
	for _, p := range given {
		local := filepath.FromSlash(p)
		if within, err := filepath.Rel(w.Path, local); err == nil && filepath.IsAbs(local) {
			local = within
		}
		if p == "" || strings.ContainsRune(p, 0) || !filepath.IsLocal(local) {
			return nil, state.Invalid(argument, "pass a path relative to the worktree, such as src/main.go", "%q leads out of worktree %s", state.Clip(p, 100), w.Name)
		}
		if local = path.Clean(filepath.ToSlash(local)); local == "." {
			return nil, nil
		}
		paths = append(paths, local)
	}
	return paths, nil
}

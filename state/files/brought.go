package files

import (
	"context"
	"path"
	"strings"

	"wt-mcp/state"
)

// admit refuses files of a board that came with a clone. The private directory
// never comes with one: while no store has written it, what the repository brought
// along is somebody else's. What it did not bring is a board of the original program,
// and is continued.
func (s *Store) admit(ctx context.Context) error {
	s.disk.check()
	if s.brought == nil || s.born.Load() {
		return nil
	}
	if !s.unborn() {
		s.born.Store(true)
		return nil
	}
	if !s.found(state.TasksDir) && !s.found(state.WorktreesDir) {
		return nil
	}
	tracked, err := s.brought(ctx)
	if err != nil {
		return &state.Error{Code: state.GitFailed, Message: "find out whether the board came with the repository", Err: err, Hint: "mend what git says, then repeat the call"}
	}
	var board []string
	for _, name := range tracked {
		if isBoardFile(name) {
			board = append(board, name)
		}
	}
	if len(board) == 0 {
		return nil
	}
	return state.Errorf(state.Corrupt, "if the board is yours, git rm -r --cached --ignore-unmatch "+state.TasksDir+" "+state.WorktreesDir+" keeps its files and the board goes on with them; "+
		"if it is not, git rm -r takes them away", "%s came with the repository (git tracks it), so it is not taken for this board's state; nothing was changed",
		state.Visible(state.Clip(board[0], 100))).With("files", board[:min(len(board), 20)])
}

func (s *Store) found(dir string) bool {
	_, err := s.lstat(s.abs(dir))
	return err == nil
}

// isBoardFile reports whether the board takes a file, by its path from the root,
// for its state.
func isBoardFile(name string) bool {
	dir, base := path.Split(name)
	switch {
	case strings.EqualFold(dir, state.TasksDir+"/"):
		return state.IsTaskFile(strings.ToLower(base))
	case strings.EqualFold(dir, state.WorktreesDir+"/"):
		return strings.EqualFold(name, state.IndexFile) || strings.EqualFold(name, state.EventsFile) || state.IsOldLog(strings.ToLower(base))
	}
	return strings.EqualFold(name, state.TasksDir) || strings.EqualFold(name, state.WorktreesDir)
}

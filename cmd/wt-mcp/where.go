package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"wt-mcp/git"
	"wt-mcp/server/desk"
	"wt-mcp/state"
	"wt-mcp/tools"
	"wt-mcp/tools/config"
	"wt-mcp/tools/ops"
)

// workspaceVariables are set for their servers by clients that say so where they work:
// Claude Code, Cursor.
func workspaceVariables() []string { return []string{"CLAUDE_PROJECT_DIR", "WORKSPACE_FOLDER_PATHS"} }

// here is the directory that the process was started in.
const here = "the current directory"

// places are the directories that the user has opened: the one that was named, else
// where the client says that it works, what it told with variables, and the current one.
func (s *mcpServer) places(roots []string) []desk.Place {
	if s.repo != "" {
		return s.program.places(nil)
	}
	var places []desk.Place
	for _, dir := range roots {
		places = append(places, desk.Place{Dir: dir, From: "a root of the client"})
	}
	for _, name := range workspaceVariables() {
		for _, dir := range directories(s.variable(name)) {
			places = append(places, desk.Place{Dir: dir, From: name})
		}
	}
	return append(places, s.program.places(nil)...)
}

// variable is one of our environment as it was given to us.
func (p *program) variable(name string) (value string) {
	for _, entry := range p.environ {
		if v, ok := strings.CutPrefix(entry, name+"="); ok {
			value = v // the last one counts
		}
	}
	return value
}

// places are those of a command that a person calls.
func (p *program) places([]string) []desk.Place {
	if p.repo != "" {
		return []desk.Place{{Dir: p.repo, From: "--repo", Named: true}}
	}
	dir, _ := os.Getwd()
	return []desk.Place{{Dir: dir, From: here}}
}

// directories takes a list apart as clients write them: one directory, several with
// commas or the system's separator between them, or a JSON array.
func directories(list string) (dirs []string) {
	if json.Unmarshal([]byte(list), &dirs) != nil {
		dirs = strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == filepath.ListSeparator })
	}
	if filepath.IsAbs(list) && isDirectory(list) {
		dirs = []string{list}
	}
	absolute := dirs[:0]
	for _, dir := range dirs {
		if dir = strings.TrimSpace(dir); filepath.IsAbs(dir) {
			absolute = append(absolute, dir)
		}
	}
	return absolute
}

func isDirectory(dir string) bool {
	info, err := os.Stat(dir)
	return err == nil && info.IsDir()
}

// find looks for the repository of a place.
func (p *program) find(ctx context.Context, place desk.Place) (desk.Repository, error) {
	repo, err := p.repository(ctx, place)
	if err != nil {
		return desk.Repository{}, err
	}
	return desk.Repository{Root: repo.Root(), Common: repo.CommonDir(), Drop: repo.Close,
		Join: func(ctx context.Context) (*tools.Board, error) { return p.join(ctx, repo) }}, nil
}

// chosen is the repository in which a person calls a command.
func (p *program) chosen(ctx context.Context) (*git.Repo, error) {
	repo, err := p.repository(ctx, p.places(nil)[0])
	var none desk.None
	if errors.As(err, &none) {
		err = none.Err
	}
	return repo, err
}

func (p *program) repository(ctx context.Context, place desk.Place) (*git.Repo, error) {
	if place.Dir == "" {
		return nil, desk.None{Err: &state.Error{Code: state.NotARepository, Message: "the directory that wt-mcp was started in is gone",
			Hint: "start wt-mcp in a directory that exists, or with --repo DIR"}}
	}
	open := git.Open
	if place.Named {
		open = git.OpenNamed
	}
	repo, err := open(ctx, place.Dir, approvals())
	switch {
	case err == nil:
		return repo, nil
	case elsewhere(err):
		return nil, desk.None{Err: openError(place.Dir, err)}
	}
	return nil, openError(place.Dir, err)
}

// approvals asks for what the user approved with trust, each time anew.
func approvals() git.Option {
	return git.ApprovedBy(func(root, digest string) bool { return config.Find(os.Getenv, root).ProgramsApproved(digest) })
}

// elsewhere reports that a directory just is no repository. One that git refuses, or
// could not look at, is no reason to work in another one.
func elsewhere(err error) bool {
	refused := errors.Is(err, git.ErrOwner) || errors.Is(err, git.ErrImplicit)
	return errors.Is(err, git.ErrNotRepository) && !refused || errors.Is(err, os.ErrNotExist)
}

func openError(dir string, err error) error {
	var refused *git.Refused
	switch {
	case err == nil:
		return nil
	case errors.Is(err, os.ErrNotExist):
		return &state.Error{Code: state.NotARepository, Err: err, Message: fmt.Sprintf("there is no directory %s", dir),
			Hint: "start wt-mcp with --repo and a directory that exists"}
	case errors.Is(err, git.ErrOwner) && errors.As(err, &refused):
		return state.Errorf(state.NotARepository, "only if you trust its owner: "+refused.What[0]+" makes git take it, then repeat the call",
			"git refuses %s: another user owns it", dir)
	case errors.Is(err, git.ErrImplicit):
		return &state.Error{Code: state.NotARepository, Err: err, Message: fmt.Sprintf("git refuses %s: it is in a bare repository that was not named", dir),
			Hint: "if it is the right one, start wt-mcp with --repo and that repository"}
	case errors.Is(err, git.ErrNoMainCheckout):
		return &state.Error{Code: state.NotARepository, Err: err, Message: fmt.Sprintf("no board for %s", dir),
			Hint: "start wt-mcp in the main checkout, or with --repo and its directory"}
	case errors.Is(err, git.ErrNotRepository):
		return &state.Error{Code: state.NotARepository, Err: err, Message: fmt.Sprintf("no board for %s", dir),
			Hint: "start wt-mcp in a git repository or with --repo DIR; git init makes one"}
	}
	return &state.Error{Code: state.GitFailed, Err: err, Message: fmt.Sprintf("open the repository of %s", dir),
		Hint: ops.SystemHint(err, "mend what git says, then repeat the call")}
}

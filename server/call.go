package server

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/mark3labs/mcp-go/mcp"

	"wt-mcp/state"
	"wt-mcp/tools"
)

// Call runs one tool for a caller that is no MCP client, under the same rules.
func (s *Server) Call(ctx context.Context, tool string, args json.RawMessage, by tools.Caller) (tools.Answer, error) {
	return s.call(ctx, tool, args, by, func(context.Context) []string { return nil })
}

// call checks the arguments, finds the board and runs the tool.
func (s *Server) call(ctx context.Context, name string, args json.RawMessage, by tools.Caller, roots func(context.Context) []string) (tools.Answer, error) {
	t, ok := s.tools[name]
	if !ok {
		return tools.Answer{}, s.unknownTool(name)
	}
	input, err := t.input()
	if err != nil {
		return tools.Answer{}, err
	}
	if args, err = checkArgs(name, input, args); err != nil {
		return tools.Answer{}, err
	}
	board, err := s.open(ctx, roots)
	if err != nil {
		return tools.Answer{}, err
	}
	board.Tend()
	answer, err := t.Call(ctx, board.For(by), args)
	if err != nil && ctx.Err() != nil {
		err = &state.Error{Code: state.Cancelled, Message: name + " was cancelled", Err: err}
	}
	return answer, err
}

// kind is the tool of a call that does not wait for anything but its turn.
func (s *Server) kind(method string, params json.RawMessage) string {
	var call struct {
		Name      string
		Arguments struct {
			WaitSeconds json.RawMessage `json:"wait_seconds"`
		}
	}
	if method != string(mcp.MethodToolsCall) || json.Unmarshal(params, &call) != nil || call.Arguments.WaitSeconds != nil {
		return ""
	}
	if _, ok := s.tools[call.Name]; !ok || call.Name == "worktree_run" {
		return ""
	}
	return call.Name
}

// intercept answers a call of a tool that there is not, or of none: to the SDK that
// is a protocol error, to the client contract a failed call like any other.
func (s *Server) intercept(method string, params json.RawMessage, modern bool) (any, bool) {
	if method != string(mcp.MethodToolsCall) {
		return nil, false
	}
	var call struct {
		Name any `json:"name"`
	}
	_ = json.Unmarshal(params, &call)
	name, ok := call.Name.(string)
	if _, known := s.tools[name]; known {
		return nil, false
	}
	err := s.unknownTool(name)
	if !ok {
		err = badArg("name", "a call names its tool, a string; tools/list tells their names")
	}
	result := failure(err)
	if modern {
		result.ResultType = mcp.ResultTypeComplete
	}
	return result, true
}

func (s *Server) unknownTool(name string) error {
	for _, t := range tools.All() {
		if t.Name == name && s.config.ReadOnly && !t.ReadOnly {
			return state.Errorf(state.ReadOnly, "start it without --read-only to change something", "the server offers no %s: it was started with --read-only", name)
		}
		if t.Name == name {
			return state.Errorf(state.NotFound, fmt.Sprintf("start the server with --toolsets default,%s", t.Set), "the server does not offer %s", name).With("nearest", []string{})
		}
	}
	var names []string
	for n := range s.tools {
		names = append(names, n)
	}
	near := state.Nearest(name, names, 3)
	hint := "the tools are listed by tools/list"
	if len(near) > 0 {
		hint = "did you mean " + strings.Join(near, ", ") + "?"
	}
	return state.Errorf(state.NotFound, hint, "there is no tool %q", state.Visible(state.Clip(name, 60))).With("nearest", near)
}

// open returns the board, opening it on the first call that needs it.
func (s *Server) open(ctx context.Context, roots func(context.Context) []string) (*tools.Board, error) {
	select {
	case s.opening <- struct{}{}:
		defer func() { <-s.opening }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if s.board != nil && !s.moved.Swap(false) {
		return s.board, nil
	}
	board, err := s.config.Open(ctx, roots)
	if err != nil {
		s.board = nil
		return nil, err
	}
	s.board = s.known(board)
	return s.board, nil
}

// known is the board that is open already on the same repository, if one is.
func (s *Server) known(board *tools.Board) *tools.Board {
	for _, open := range s.boards {
		if open.Git.CommonDir() == board.Git.CommonDir() {
			board.Close()
			return open
		}
	}
	s.boards = append(s.boards, board)
	return board
}

// openEarly opens the board as soon as the client is there, so that what a dead
// process left half done is mended at the start. A call that needs the board says
// what is wrong with it, and tries again.
func (s *Server) openEarly(ctx context.Context) {
	if _, err := s.open(ctx, s.roots); err != nil {
		s.config.Log.Debug("open the board", "error", err)
	}
}

// rootsTime bounds the wait for a client that does not say where it works.
const rootsTime = 3 * time.Second

// roots asks the client which directories it works in.
func (s *Server) roots(ctx context.Context) []string {
	ctx, cancel := context.WithTimeout(ctx, rootsTime)
	defer cancel()
	list, err := s.engine.RequestRoots(ctx, mcp.ListRootsRequest{})
	if err != nil {
		return nil
	}
	var dirs []string
	for _, root := range list.Roots {
		if dir, err := fileURI(root.URI); err == nil {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

// fileURI is the path of a file:// URI (RFC 8089).
func fileURI(uri string) (string, error) {
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "file" {
		return "", fmt.Errorf("%q is no file URI", uri)
	}
	path := u.Path
	if len(path) > 2 && path[0] == '/' && path[2] == ':' {
		path = path[1:]
	}
	return filepath.FromSlash(path), nil
}

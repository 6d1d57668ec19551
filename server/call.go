package server

import (
	"encoding/json"
	"fmt"
	"net/url"
	"path/filepath"

	"github.com/mark3labs/mcp-go/mcp"

	"wt-mcp/state"
)

// kind is the tool of a call that does not wait for anything but its turn. What lands
// waits for others, and they for it: those that wait together land together.
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
	if !s.desk.Offers(call.Name) || call.Name == "worktree_run" || call.Name == "worktree_merge" {
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
		Name      any             `json:"name"`
		Arguments json.RawMessage `json:"arguments"`
	}
	_ = json.Unmarshal(params, &call)
	name, ok := call.Name.(string)
	if s.desk.Offers(name) {
		return nil, false
	}
	err := s.desk.Unknown(name, call.Arguments)
	if !ok {
		err = state.Errorf(state.InvalidArgument, "tools/list tells their names", "name: a call names its tool, a string").With("argument", "name")
	}
	result := failure(err)
	if modern {
		result.ResultType = mcp.ResultTypeComplete
	}
	return result, true
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

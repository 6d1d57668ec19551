package server

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/mark3labs/mcp-go/mcp"
	mcpserver "github.com/mark3labs/mcp-go/server"

	"wt-mcp/state"
)

// greetings tell a client that begins which repository's board this is, where that is
// known before the client was asked for its roots.
func (s *Server) greetings() *mcpserver.Hooks {
	hooks := &mcpserver.Hooks{}
	hooks.AddAfterInitialize(func(ctx context.Context, _ any, m *mcp.InitializeRequest, r *mcp.InitializeResult) {
		s.roots.renew() // a bridge may put one client after the other on one server
		s.client.Moved()
		if s.config.Pinned || m.Params.Capabilities.Roots == nil {
			s.nameBoard(ctx, &r.Instructions, &r.Result)
		}
	})
	hooks.AddAfterDiscover(func(ctx context.Context, _ any, _ *mcp.DiscoverRequest, r *mcp.DiscoverResult) {
		if s.config.Pinned || !declaresRoots(ctx) {
			s.nameBoard(ctx, &r.Instructions, &r.Result)
		}
	})
	return hooks
}

const (
	greetingTime = 300 * time.Millisecond // no client waits longer for its greeting
	longestRoot  = 200                    // in instructions, which clients cut
)

// nameBoard puts the repository in front of the instructions, and into the result's
// _meta for programs.
func (s *Server) nameBoard(ctx context.Context, instructions *string, result *mcp.Result) {
	ctx, cancel := context.WithTimeout(ctx, greetingTime)
	defer cancel()
	root, err := s.client.Where(ctx)
	if err != nil {
		return
	}
	*instructions = fmt.Sprintf("Repository: %s\n\n%s", strconv.Quote(state.Clip(root, longestRoot)), *instructions)
	if result.Meta == nil {
		result.Meta = mcp.NewMetaFromMap(map[string]any{})
	}
	if result.Meta.AdditionalFields == nil {
		result.Meta.AdditionalFields = map[string]any{}
	}
	result.Meta.AdditionalFields["wt-mcp/repository"] = root
}

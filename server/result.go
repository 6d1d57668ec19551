package server

import (
	"github.com/mark3labs/mcp-go/mcp"

	"wt-mcp/server/desk"
)

// failure carries the error as text, which is all that a model sees of it, and
// as _meta["wt-mcp/error"] for programs.
func failure(err error) *mcp.CallToolResult {
	meta := map[string]any{"wt-mcp/error": desk.ErrorFields(err)}
	return &mcp.CallToolResult{
		Result:  mcp.Result{Meta: mcp.NewMetaFromMap(meta)},
		Content: []mcp.Content{mcp.TextContent{Type: "text", Text: desk.ErrorText(err)}},
		IsError: true,
	}
}

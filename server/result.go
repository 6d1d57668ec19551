package server

import (
	"github.com/mark3labs/mcp-go/mcp"

	"wt-mcp/server/desk"
	"wt-mcp/tools"
)

// success carries the answer twice: some clients show their model the structure
// only, others the text.
func success(a tools.Answer) *mcp.CallToolResult {
	return &mcp.CallToolResult{
		Content:           []mcp.Content{mcp.TextContent{Type: "text", Text: a.Words()}},
		StructuredContent: a,
	}
}

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

package server

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/mark3labs/mcp-go/mcp"
	mcpserver "github.com/mark3labs/mcp-go/server"

	"wt-mcp/tools"
)

// Form is which of its two forms an answer has: text, structure, or both. Each says
// all that a model needs; a client that is known to show its model one of them gets
// the other as short as the protocol allows.
type Form string

// The forms. Auto goes by the name of the client; who is not known gets both.
const (
	Auto       Form = "auto"
	Both       Form = "both"
	Text       Form = "text"       // no structure, and no schema of one
	Structured Form = "structured" // in its short form, without text
)

// Forms lists every form.
func Forms() []Form { return []Form{Auto, Both, Text, Structured} }

// Set makes a flag of it.
func (f *Form) Set(name string) error {
	if !slices.Contains(Forms(), Form(name)) {
		return fmt.Errorf("there is no form %q; there are %v", name, Forms())
	}
	*f = Form(name)
	return nil
}

// String is the form's name.
func (f *Form) String() string { return string(*f) }

// habit is what a client was seen to do with what it is sent.
type habit struct {
	name     string // how its name begins
	form     Form   // of an answer that its model is shown; of two, the shorter one
	untaught bool   // its model is not shown the instructions
}

// habits are those of clients that were run with a scripted model, and of those whose
// makers say so.
func habits() []habit {
	return []habit{
		{name: "claude-code", form: Structured},
		{name: "codex-mcp-client", form: Structured},
		{name: "Visual Studio Code", form: Structured},
		{name: "opencode", form: Text},
		{name: "gemini-cli-mcp-client", form: Text},
		{name: "claude-ai", form: Text},
		{name: "qwen-cli-mcp-client", form: Text, untaught: true},
		{name: "copilot-cli", form: Text, untaught: true},
		{name: "@cline/", form: Text, untaught: true},
	}
}

// habitOf is that of a client; one that is not known shows both, and maybe no
// instructions.
func habitOf(client string) habit {
	for _, h := range habits() {
		if strings.HasPrefix(client, h.name) {
			return h
		}
	}
	return habit{form: Both, untaught: true}
}

// clientName is what the client of a request calls itself.
func clientName(ctx context.Context) string {
	if session, ok := mcpserver.ClientSessionFromContext(ctx).(mcpserver.SessionWithClientInfo); ok {
		return session.GetClientInfo().Name
	}
	return ""
}

// form is that of the answers to a request.
func (s *Server) form(ctx context.Context) Form {
	if s.config.Answers != "" && s.config.Answers != Auto {
		return s.config.Answers
	}
	return habitOf(clientName(ctx)).form
}

// unpromised leaves the schemas of results out of the list of tools for a client that
// gets none, or the short form, which they do not describe: Claude Code holds a result
// to its schema, and shows its model an error instead.
func (s *Server) unpromised(ctx context.Context, list []mcp.Tool) []mcp.Tool {
	if s.form(ctx) != Both {
		for i := range list {
			list[i].RawOutputSchema = nil
		}
	}
	return list
}

// answered is a call's answer as its client gets it.
func (s *Server) answered(ctx context.Context, tool string, a tools.Answer) *mcp.CallToolResult {
	s.teach(ctx, &a)
	r := &mcp.CallToolResult{Content: []mcp.Content{}}
	form := s.form(ctx)
	if form != Structured {
		r.Content = append(r.Content, mcp.TextContent{Type: "text", Text: a.Words()})
	}
	switch form {
	case Both:
		r.StructuredContent = a
	case Structured:
		r.StructuredContent = short{answer: a, quiet: s.quiet[tool]}
	}
	return r
}

// teach adds to the first answer of a connection what its model is not shown otherwise.
func (s *Server) teach(ctx context.Context, a *tools.Answer) {
	auto := s.config.Answers == "" || s.config.Answers == Auto
	if auto && habitOf(clientName(ctx)).untaught && s.taught.CompareAndSwap(false, true) {
		a.Next = append(a.Next, tools.Step{Why: strings.TrimSpace(lesson)})
	}
}

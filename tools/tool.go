package tools

import (
	"context"
	"encoding/json"
	"errors"

	"wt-mcp/state"
)

// Set names a group of tools that is offered or not as a whole.
type Set string

// The sets of tools.
const (
	Default   Set = "default"
	Integrate Set = "integrate"
	Files     Set = "files"
)

// Sets lists every set.
func Sets() []Set { return []Set{Default, Integrate, Files} }

// Tool is one tool as its file declares it. In and Out are zero values of the
// argument and result structs: json tags name the fields, jsonschema tags
// describe them; min, max and enum tags bound them; a field that may be left
// out has omitempty.
type Tool struct {
	Name        string
	Title       string
	Description string
	Set         Set

	ReadOnly    bool // changes nothing
	Destructive bool // may remove something of the user's
	Idempotent  bool // a second call with the same arguments changes nothing more
	OpenWorld   bool // reaches beyond the board and its repository

	// Core tools are what every session needs: a client that has its model search for
	// tools is asked to show these from the start.
	Core bool

	// Quiet are keys of the result that are for programs: a model is not told them
	// in the text, nor in the short form of the structure. worktree.path is path of
	// what worktree holds.
	Quiet []string

	In, Out any
	call    func(context.Context, *Board, json.RawMessage) (Answer, error)
}

// Call runs the tool on the board. args is a JSON object that fits In.
func (t Tool) Call(ctx context.Context, b *Board, args json.RawMessage) (Answer, error) {
	return t.call(ctx, b, args)
}

// All lists the tools in the order in which people read about them.
func All() []Tool {
	return []Tool{
		taskCreate(), taskList(), taskGet(), taskUpdate(), taskClaim(), taskBindWorktree(),
		worktreeCreate(), worktreeList(), worktreeStatus(), worktreeRun(), runOutput(), runStop(), worktreeKeep(), worktreeRemove(), worktreeEvents(),
		worktreeDiff(), worktreeCommit(), worktreeSync(), worktreeMerge(), worktreeConflicts(),
		worktreeAdopt(), worktreePrune(), worktreeSnapshot(), worktreeRestore(),
		fileRead(), fileWrite(), fileEdit(),
	}
}

// define completes a declaration with the method that does the work, the function
// that says its result in words and, where something leads on from it, those that
// say what: in the order of their likelihood.
func define[In, Out any](t Tool, do func(*Board, context.Context, In) (Out, error), text func(Out) string, next ...func(Out) []Step) Tool {
	var in In
	var out Out
	t.In, t.Out = in, out
	t.call = func(ctx context.Context, b *Board, args json.RawMessage) (Answer, error) {
		var in In
		if err := json.Unmarshal(args, &in); err != nil {
			var known *state.Error
			if errors.As(err, &known) {
				return Answer{}, known
			}
			return Answer{}, state.Errorf(state.InvalidArgument, "see the tool's schema", "arguments of %s: %v", t.Name, err)
		}
		out, err := do(b, ctx, in)
		if err != nil {
			return Answer{}, err
		}
		answer := Answer{Value: out, Text: text(out)}
		for _, steps := range next {
			answer.Next = append(answer.Next, steps(out)...)
		}
		return answer, nil
	}
	return t
}

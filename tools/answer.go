package tools

import (
	"strings"

	"wt-mcp/state"
)

// Answer is what a successful call returns: the result for programs, the same in a
// few lines for a model, and what may be called next. The value and the text are each
// enough alone.
type Answer struct {
	Value any // marshals to an object
	Text  string
	Next  []Step
}

// Words are the text with the next steps, a line each.
func (a Answer) Words() string {
	lines := []string{strings.TrimSuffix(a.Text, "\n")}
	for _, s := range a.Next {
		lines = append(lines, s.String())
	}
	return state.Lines(lines...)
}

// MarshalJSON writes the keys of the value, then next; seconds to the millisecond.
func (a Answer) MarshalJSON() ([]byte, error) {
	data, err := joined(a.Value, struct {
		Next []Step `json:"next,omitempty"`
	}{a.Next})
	return rounded(data), err
}

// Step is a call that leads on, and what it does: undo: worktree_restore {"snapshot":"…"}
type Step struct {
	Why  string
	Tool string // empty where Why says all
	In   any    // its arguments: state.Fields, or the In of the answer's own tool
}

// String is the step as text and structure both have it.
func (s Step) String() string {
	if s.Tool == "" {
		return s.Why
	}
	args, err := state.Encode(s.In)
	if err != nil {
		args = []byte("{}")
	}
	return state.Visible(s.Why + ": " + s.Tool + " " + string(args))
}

// MarshalText makes a string of it in JSON.
func (s Step) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

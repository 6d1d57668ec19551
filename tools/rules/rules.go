package rules

import (
	"sync"

	"wt-mcp/state"
)

// Rules are those of the board for one caller. They are safe for concurrent use.
type Rules struct {
	Actor string // who changes the board, as events and notes have it
	Held  *Held  // what the caller has been given

	Session, Thread string // of the caller's client, where it says so

	// Vouched is a claim, by its number, whose proof another process has seen, which asks
	// for the caller and may not hand that on. 0: there is none.
	Vouched int64

	// Run tells of a run that keeps a claim alive: whether it goes on, else when it
	// ended, in epoch seconds; 0 where that is not known.
	Run func(id string) (going bool, ended float64)
}

// Held are the claims that one caller was given, by task: its calls need not repeat
// them. It is safe for concurrent use.
type Held struct{ byTask sync.Map }

// Remember keeps the token of a claim for the caller's next calls.
func (h *Held) Remember(t state.Token) { h.byTask.Store(t.Task, t) }

// Forget drops a token, unless the task has a newer one by now.
func (h *Held) Forget(t state.Token) { h.byTask.CompareAndDelete(t.Task, t) }

// Of is what the caller was given for a task; no token where it was given none.
func (h *Held) Of(task int) state.Token {
	t, _ := h.byTask.Load(task)
	token, _ := t.(state.Token)
	return token
}

// Any reports whether there is one.
func (h *Held) Any() (found bool) {
	h.byTask.Range(func(_, _ any) bool { found = true; return false })
	return found
}

// token is what the call claims a task by: what it passed, else what the caller
// was given.
func (r Rules) token(task int, passed state.Token) (state.Token, error) {
	if passed.IsZero() {
		return r.Held.Of(task), nil
	}
	if passed.Task != task {
		return passed, state.Invalid("claim", "leave it out, or pass the one of this task", "is for task %d, not for task %d", passed.Task, task)
	}
	return passed, nil
}

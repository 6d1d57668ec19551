package tools

import (
	"errors"
	"strings"
	"unicode/utf8"

	"wt-mcp/state"
)

// Limits on what a client may send, in the units of the client contract.
const (
	maxSubject = 500      // characters
	maxText    = 64 << 10 // bytes of a description or a note
	maxNoted   = 4 << 20  // bytes of a task's file that has room for another note
	maxOwner   = 100      // characters
	maxLabels  = 20
	maxLabel   = 50 // characters
)

// checkLine accepts text that must stay on one line of the board.
func checkLine(argument, s string, limit int) error {
	if n := utf8.RuneCountInString(s); n > limit {
		return state.Invalid(argument, "shorten it; a description may have 64 KB", "has %d characters, the limit is %d", n, limit)
	}
	if i := strings.IndexFunc(s, state.Disguising); i >= 0 {
		r, _ := utf8.DecodeRuneInString(s[i:])
		return state.Invalid(argument, "leave it out; longer text goes into the description", "has the character U+%04X at byte %d, which could disguise a line of the board", r, i)
	}
	return nil
}

// ofArgument renames the argument of a name that an error is about.
func ofArgument(argument string, err error) error {
	var e *state.Error
	if errors.As(err, &e) && e.Details["argument"] == "name" {
		e.Details["argument"] = argument
	}
	return err
}

func checkSubject(s string) error {
	if strings.TrimSpace(s) == "" {
		return state.Invalid("subject", "say in a few words what is to be done", "is empty")
	}
	return checkLine("subject", s, maxSubject)
}

func checkText(argument, s string) error {
	if len(s) > maxText {
		return state.Invalid(argument, "put long text into a file of the worktree", "has %d bytes, the limit is %d", len(s), maxText)
	}
	if i := strings.IndexByte(s, 0); i >= 0 {
		return state.Invalid(argument, "leave it out", "has a NUL at byte %d", i)
	}
	return nil
}

func checkLabels(labels []string) error {
	if len(labels) > maxLabels {
		return state.Invalid("labels", "", "are %d, the limit is %d", len(labels), maxLabels)
	}
	for _, l := range labels {
		if strings.TrimSpace(l) == "" {
			return state.Invalid("labels", "", "one is empty")
		}
		if err := checkLine("labels", l, maxLabel); err != nil {
			return err
		}
	}
	return nil
}

// checkTask checks what a client may have put into a task.
func checkTask(t state.Task) error {
	if err := checkSubject(t.Subject); err != nil {
		return err
	}
	if err := checkText("description", t.Description); err != nil {
		return err
	}
	if t.Priority < 0 || t.Priority > state.LowestPriority {
		return state.Invalid("priority", "0 is the highest", "is %d, it takes 0 to %d", t.Priority, state.LowestPriority)
	}
	return checkLabels(t.Labels)
}

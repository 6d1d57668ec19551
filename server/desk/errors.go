package desk

import (
	"encoding/json"
	"errors"
	"strings"

	"wt-mcp/state"
)

// ErrorText is an error in the words of the client contract: what is wrong on
// the first line, what to call next on the second.
func ErrorText(err error) string {
	e := known(err)
	text := "error[" + string(e.Code) + "]: " + message(e)
	if e.Hint != "" {
		text += "\n" + state.Visible(e.Hint)
	}
	return text
}

// message is what is wrong, on one line: words of git, of hooks and filters are
// in it.
func message(e *state.Error) string {
	lines := strings.Split(strings.TrimSpace(e.Error()), "\n")
	return state.Clip(state.Visible(strings.Join(lines, "; ")), 2000)
}

// ErrorFields is an error for programs: code, message, hint and details.
func ErrorFields(err error) map[string]any {
	e := known(err)
	fields := map[string]any{}
	for key, value := range e.Details {
		if data, err := json.Marshal(value); err == nil {
			fields[key] = json.RawMessage(data)
		}
	}
	fields["code"], fields["message"] = e.Code, message(e)
	if e.Hint != "" {
		fields["hint"] = state.Visible(e.Hint)
	}
	return fields
}

// known is the error that says what kind it is; others are internal.
func known(err error) *state.Error {
	var e *state.Error
	if errors.As(err, &e) {
		return e
	}
	return &state.Error{Code: state.Internal, Message: err.Error()}
}

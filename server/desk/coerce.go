package desk

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"

	"wt-mcp/state"
)

// coerce returns a value as one of the type, and whether it is one. What can be
// meant in one way only is taken: a whole number in any form, in a string too, "true"
// for true, and a list or an object that was encoded as JSON once more.
func coerce(want string, raw json.RawMessage) (json.RawMessage, bool) {
	raw = bytes.TrimSpace(raw)
	switch want {
	case "integer":
		return wholeNumber(raw)
	case "number":
		number := within(raw, 0)
		n, err := strconv.ParseFloat(string(number), 64)
		return number, err == nil && kind(number) == "a number" && !math.IsInf(n, 0)
	case "boolean":
		return truth(raw)
	case "string":
		return raw, kind(raw) == "a string"
	case "array":
		list := within(raw, '[')
		return list, kind(list) == "an array"
	case "object":
		object := within(raw, '{')
		return object, kind(object) == "an object"
	}
	return raw, true
}

// wholeNumber writes a whole number as Go reads one: to a client 1.0 and 1e1 are
// whole, and beyond 2^53 it cannot tell one from the next.
func wholeNumber(raw json.RawMessage) (json.RawMessage, bool) {
	number := within(unmarked(raw), 0)
	n, err := strconv.ParseFloat(string(number), 64)
	if err != nil || kind(number) != "a number" || n != math.Trunc(n) || math.Abs(n) >= 1<<53 {
		return raw, false
	}
	return strconv.AppendInt(nil, int64(n), 10), true
}

// unmarked is a number that was written as people do, "#3", without its mark.
func unmarked(raw json.RawMessage) json.RawMessage {
	var text string
	if json.Unmarshal(raw, &text) == nil && strings.HasPrefix(text, "#") {
		return json.RawMessage(strconv.Quote(text[1:]))
	}
	return raw
}

func truth(raw json.RawMessage) (json.RawMessage, bool) {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		raw = json.RawMessage(strings.ToLower(strings.TrimSpace(text)))
	}
	return raw, string(raw) == "true" || string(raw) == "false"
}

// within returns the JSON value that a string holds, if it holds one that begins
// with first (0: with whatever), and anything else as it is.
func within(raw json.RawMessage, first byte) json.RawMessage {
	var text string
	if kind(raw) != "a string" || json.Unmarshal(raw, &text) != nil {
		return raw
	}
	inner := json.RawMessage(strings.TrimSpace(text))
	if len(inner) == 0 || first != 0 && inner[0] != first || !json.Valid(inner) {
		return raw
	}
	return inner
}

func isNull(raw json.RawMessage) bool { return string(bytes.TrimSpace(raw)) == "null" }

// shown is a value that does not fit, in words.
func shown(p *jsonschema.Schema, raw json.RawMessage) string {
	what := kind(raw)
	if p.Type != "integer" && p.Type != "number" && p.Type != "boolean" {
		return what
	}
	var text string
	switch {
	case what == "a number":
		return state.Clip(string(raw), 40)
	case what == "a string" && json.Unmarshal(raw, &text) == nil:
		return strconv.Quote(state.Visible(state.Clip(text, 40)))
	}
	return what
}

package server

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"sort"
	"strconv"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"

	"wt-mcp/state"
)

// checkArgs holds the arguments of a call against the tool's schema. The error
// names the argument, what it got and what it takes.
func checkArgs(tool string, s *jsonschema.Schema, raw json.RawMessage) (json.RawMessage, error) {
	if len(bytes.TrimSpace(raw)) == 0 || bytes.Equal(bytes.TrimSpace(raw), []byte("null")) {
		raw = json.RawMessage("{}")
	}
	var args map[string]json.RawMessage
	if err := json.Unmarshal(raw, &args); err != nil {
		return nil, badArg("arguments", "%s takes a JSON object, got %s", tool, kind(raw))
	}
	names := make([]string, 0, len(args))
	for name := range args {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		p, known := s.Properties[name]
		if !known {
			return nil, unknownArg(tool, s, name)
		}
		if err := checkValue(name, p, args[name]); err != nil {
			return nil, err
		}
		args[name] = plain(p, args[name])
	}
	for _, name := range s.Required {
		if _, given := args[name]; !given {
			return nil, badArg(name, "is required: %s", takes(s.Properties[name]))
		}
	}
	return json.Marshal(args)
}

// plain writes whole numbers as Go reads them: 1.0 and 1e1 are whole to a client.
func plain(p *jsonschema.Schema, raw json.RawMessage) json.RawMessage {
	switch p.Type {
	case "integer":
		n, _ := strconv.ParseFloat(string(raw), 64)
		return strconv.AppendInt(nil, int64(n), 10)
	case "array":
		var items []json.RawMessage
		if json.Unmarshal(raw, &items) != nil {
			return raw
		}
		for i := range items {
			items[i] = plain(p.Items, items[i])
		}
		if out, err := json.Marshal(items); err == nil {
			return out
		}
	}
	return raw
}

func unknownArg(tool string, s *jsonschema.Schema, name string) error {
	hint := tool + " takes " + strings.Join(argNames(s), ", ")
	if near := state.Nearest(name, argNames(s), 1); len(near) > 0 {
		hint = "did you mean " + near[0] + "? " + hint
	}
	return state.Errorf(state.InvalidArgument, hint, "%s has no argument %q", tool, state.Visible(state.Clip(name, 60))).With("argument", name)
}

// argNames lists the arguments, the required ones first.
func argNames(s *jsonschema.Schema) []string {
	rest := make([]string, 0, len(s.Properties))
	required := map[string]bool{}
	for _, name := range s.Required {
		required[name] = true
	}
	for name := range s.Properties {
		if !required[name] {
			rest = append(rest, name)
		}
	}
	sort.Strings(rest)
	return append(append([]string{}, s.Required...), rest...)
}

func badArg(name, format string, args ...any) error {
	return state.Errorf(state.InvalidArgument, "", "%s: %s", name, fmt.Sprintf(format, args...)).With("argument", name)
}

func checkValue(name string, p *jsonschema.Schema, raw json.RawMessage) error {
	if !fits(p, raw) {
		return badArg(name, "got %s, takes %s", kind(raw), takes(p))
	}
	switch p.Type {
	case "string":
		return checkString(name, p, raw)
	case "integer", "number":
		if n, err := strconv.ParseFloat(string(raw), 64); err != nil || p.Minimum != nil && n < *p.Minimum || p.Maximum != nil && n > *p.Maximum {
			return badArg(name, "got %s, takes %s", state.Clip(string(raw), 40), takes(p))
		}
	case "array":
		var items []json.RawMessage
		if err := json.Unmarshal(raw, &items); err != nil {
			return badArg(name, "%v", err)
		}
		for i, item := range items {
			if err := checkValue(fmt.Sprintf("%s[%d]", name, i), p.Items, item); err != nil {
				return err
			}
		}
	case "object":
		return checkMap(name, p, raw)
	}
	return nil
}

func checkMap(name string, p *jsonschema.Schema, raw json.RawMessage) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil {
		return badArg(name, "%v", err)
	}
	for key, value := range members {
		if p.AdditionalProperties == nil {
			continue
		}
		if err := checkValue(name+"."+state.Clip(key, 40), p.AdditionalProperties, value); err != nil {
			return err
		}
	}
	return nil
}

// checkString refuses text that JSON can carry and a file or a command cannot.
func checkString(name string, p *jsonschema.Schema, raw json.RawMessage) error {
	if at := loneSurrogate(raw); at >= 0 {
		return badArg(name, "has half of a surrogate pair (%s), which is no character", raw[at:at+6])
	}
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return badArg(name, "%v", err)
	}
	if i := strings.IndexByte(text, 0); i >= 0 {
		return badArg(name, "has a NUL at byte %d; leave it out", i)
	}
	if len(p.Enum) == 0 {
		return nil
	}
	for _, allowed := range p.Enum {
		if allowed == text {
			return nil
		}
	}
	return badArg(name, "got %q, takes %s", state.Visible(state.Clip(text, 60)), takes(p))
}

// loneSurrogate returns the offset of an escape such as \ud800 without its other
// half in a JSON string, or -1.
func loneSurrogate(raw []byte) int {
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' {
			continue
		}
		i++
		if i+4 >= len(raw) || raw[i] != 'u' {
			continue
		}
		unit := codeUnit(raw[i:])
		switch {
		case unit < 0xd800 || unit > 0xdfff:
		case unit < 0xdc00 && i+10 < len(raw) && raw[i+5] == '\\' && raw[i+6] == 'u' && codeUnit(raw[i+6:])&0xfc00 == 0xdc00:
			i += 6
		default:
			return i - 1
		}
		i += 4
	}
	return -1
}

func codeUnit(escape []byte) uint64 {
	n, err := strconv.ParseUint(string(escape[1:5]), 16, 32)
	if err != nil {
		return 0
	}
	return n
}

func fits(p *jsonschema.Schema, raw json.RawMessage) bool {
	switch k := kind(raw); p.Type {
	case "integer":
		n, err := strconv.ParseFloat(string(raw), 64)
		return k == "a number" && err == nil && n == math.Trunc(n) && math.Abs(n) < 1<<53
	case "number":
		return k == "a number"
	case "string":
		return k == "a string"
	case "boolean":
		return k == "a boolean"
	case "array":
		return k == "an array"
	case "object":
		return k == "an object"
	}
	return true
}

func kind(raw json.RawMessage) string {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 {
		return "nothing"
	}
	switch raw[0] {
	case '{':
		return "an object"
	case '[':
		return "an array"
	case '"':
		return "a string"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	}
	return "a number"
}

// takes says in words what a schema accepts.
func takes(p *jsonschema.Schema) string {
	words := map[string]string{"integer": "a whole number", "number": "a number", "string": "a string",
		"boolean": "true or false", "array": "an array", "object": "an object"}[p.Type]
	switch {
	case len(p.Enum) > 0:
		var all []string
		for _, e := range p.Enum {
			all = append(all, fmt.Sprint(e))
		}
		words = "one of " + strings.Join(all, ", ")
	case p.Minimum != nil && p.Maximum != nil:
		words += fmt.Sprintf(" from %v to %v", *p.Minimum, *p.Maximum)
	case p.Minimum != nil:
		words += fmt.Sprintf(" from %v", *p.Minimum)
	case p.Type == "array" && p.Items != nil:
		words = "an array, each " + takes(p.Items)
	}
	if p.Description != "" {
		words += " (" + p.Description + ")"
	}
	return words
}

package desk

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"

	"wt-mcp/state"
)

// arguments are those of a call, as the tool reads them.
type arguments map[string]json.RawMessage

func (a arguments) encode() json.RawMessage {
	out, _ := json.Marshal(a) // of JSON
	return out
}

// text is the argument of that name where it is a string.
func (a arguments) text(name string) string {
	var text string
	_ = json.Unmarshal(a[name], &text)
	return text
}

// takeText takes it out as well.
func (a arguments) takeText(name string) string {
	defer delete(a, name)
	return a.text(name)
}

// checkedArgs holds the arguments of a call against the tool's schema, and writes
// them as the tool reads them: models write 3 as "3" or 3.0, and null for what they
// leave out. The error names every argument that is wrong, what it got and what it
// takes.
func checkedArgs(tool string, s *jsonschema.Schema, raw json.RawMessage) (arguments, error) {
	args, err := argsOf(tool, raw)
	if err != nil {
		return nil, err
	}
	other := args.sameName(s)
	c := &check{tool: tool, schema: s, args: args}
	for _, name := range sortedNames(args) {
		p, known := s.Properties[name]
		switch {
		case !known:
			c.unknown(name)
		case isNull(args[name]) && !slices.Contains(s.Required, name):
			delete(args, name)
		default:
			args[name] = c.value(name, p, args[name])
		}
	}
	for _, name := range s.Required {
		if _, given := args[name]; !given {
			c.wrong(name, "is required: %s", takes(s.Properties[name]))
		}
	}
	if len(c.texts) > 0 && other != "" {
		c.hint("did you mean " + other + "?")
	}
	return args, c.err()
}

// argsOf takes the arguments apart. Some clients leave them out or encode them twice.
func argsOf(tool string, raw json.RawMessage) (arguments, error) {
	if raw = bytes.TrimSpace(raw); len(raw) == 0 || isNull(raw) {
		return arguments{}, nil
	}
	var args arguments
	if json.Unmarshal(within(raw, '{'), &args) != nil {
		return nil, badArg("arguments", "%s takes a JSON object, got %s", tool, kind(raw))
	}
	return args, nil
}

func sortedNames(args map[string]json.RawMessage) []string {
	names := make([]string, 0, len(args))
	for name := range args {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// check collects what is wrong with the arguments of one call.
type check struct {
	tool   string
	schema *jsonschema.Schema
	names  []string // of wrong arguments
	texts  []string
	hints  []string
	list   bool // the arguments that there are help
	args   arguments
}

// mostTold is how many wrong arguments an answer tells of.
const mostTold = 12

func (c *check) wrong(name, format string, args ...any) {
	c.add(name, name+": "+fmt.Sprintf(format, args...))
}

func (c *check) add(name, text string) {
	c.names = append(c.names, name)
	c.texts = append(c.texts, text)
}

func (c *check) unknown(name string) {
	c.add(name, fmt.Sprintf("%s has no argument %q", c.tool, state.Visible(state.Clip(name, 60))))
	c.list = true
	if hint := c.hintUnknown(name, c.args[name], c.args); hint != "" {
		c.hints = append(c.hints, hint)
	} else if meant := c.meant(name); meant != "" {
		c.hints = append(c.hints, "did you mean "+meant+"?")
	}
}

func (c *check) hint(text string) {
	if text != "" {
		c.hints = append(c.hints, text)
	}
}

// err is what is wrong, in one error.
func (c *check) err() error {
	if len(c.texts) == 0 {
		return nil
	}
	texts, hints := c.texts, c.hints
	if more := len(texts) - mostTold; more > 0 {
		texts = append(texts[:mostTold:mostTold], fmt.Sprintf("and %d more", more))
		hints = hints[:min(len(hints), mostTold)]
	}
	if c.list {
		hints = append(slices.Clip(hints), c.tool+" takes "+strings.Join(argNames(c.schema), ", "))
	}
	e := state.Errorf(state.InvalidArgument, strings.Join(hints, " "), "%s", strings.Join(texts, "; ")).With("argument", c.names[0])
	if len(c.names) > 1 {
		e = e.With("arguments", c.names[:min(len(c.names), mostTold)])
	}
	return e
}

// argNames lists the arguments, the required ones first, without the one that every
// tool has.
func argNames(s *jsonschema.Schema) []string {
	rest := make([]string, 0, len(s.Properties))
	required := map[string]bool{}
	for _, name := range s.Required {
		required[name] = true
	}
	for name := range s.Properties {
		if !required[name] && name != repoArgument {
			rest = append(rest, name)
		}
	}
	sort.Strings(rest)
	return append(append([]string{}, s.Required...), rest...)
}

func badArg(name, format string, args ...any) error {
	return state.Errorf(state.InvalidArgument, "", "%s: %s", name, fmt.Sprintf(format, args...)).With("argument", name)
}

// value checks one value and returns it as the tool reads it.
func (c *check) value(name string, p *jsonschema.Schema, raw json.RawMessage) json.RawMessage {
	meant, fits := coerce(p.Type, raw)
	if !fits {
		c.wrong(name, "got %s, takes %s", shown(p, raw), takes(p))
		c.hint(valueHint(name, p, raw))
		return raw
	}
	switch p.Type {
	case "string":
		if err := checkString(p, meant); err != nil {
			c.wrong(name, "%v", err)
			c.hint(valueHint(name, p, meant))
		}
	case "integer", "number":
		n, _ := strconv.ParseFloat(string(meant), 64)
		if p.Minimum != nil && n < *p.Minimum || p.Maximum != nil && n > *p.Maximum {
			c.wrong(name, "got %s, takes %s", state.Clip(string(meant), 40), takes(p))
		}
	case "array":
		return c.items(name, p, meant)
	case "object":
		return c.members(name, p, meant)
	}
	return meant
}

func (c *check) items(name string, p *jsonschema.Schema, raw json.RawMessage) json.RawMessage {
	var items []json.RawMessage
	if err := json.Unmarshal(raw, &items); err != nil {
		c.wrong(name, "%v", err)
		return raw
	}
	for i := range items {
		items[i] = c.value(fmt.Sprintf("%s[%d]", name, i), p.Items, items[i])
	}
	out, _ := json.Marshal(items)
	return out
}

func (c *check) members(name string, p *jsonschema.Schema, raw json.RawMessage) json.RawMessage {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil {
		c.wrong(name, "%v", err)
		return raw
	}
	if p.AdditionalProperties == nil {
		return raw
	}
	for _, key := range sortedNames(members) {
		members[key] = c.value(name+"."+state.Visible(state.Clip(key, 40)), p.AdditionalProperties, members[key])
	}
	out, _ := json.Marshal(members)
	return out
}

// checkString refuses text that JSON can carry and a file or a command cannot.
func checkString(p *jsonschema.Schema, raw json.RawMessage) error {
	if at := loneSurrogate(raw); at >= 0 {
		return fmt.Errorf("has half of a surrogate pair (%s), which is no character", raw[at:at+6])
	}
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return fmt.Errorf("%v", err)
	}
	if i := strings.IndexByte(text, 0); i >= 0 {
		return fmt.Errorf("has a NUL at byte %d; leave it out", i)
	}
	if len(p.Enum) == 0 {
		return nil
	}
	for _, allowed := range p.Enum {
		if allowed == text {
			return nil
		}
	}
	return fmt.Errorf("got %q, takes %s", state.Visible(state.Clip(text, 60)), takes(p))
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

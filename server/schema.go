package server

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"

	"wt-mcp/state"
	"wt-mcp/tools"
)

// inputSchema describes an argument struct for clients: no argument that the
// struct does not have, no nulls, and the bounds of the enum, min and max tags.
func inputSchema(in any) (*jsonschema.Schema, error) {
	t := reflect.TypeOf(in)
	s, err := jsonschema.ForType(t, &jsonschema.ForOptions{TypeSchemas: map[reflect.Type]*jsonschema.Schema{reflect.TypeFor[state.Token](): {Type: "string"}}})
	if err != nil {
		return nil, fmt.Errorf("derive schema of %s: %w", t, err)
	}
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if err := bound(s.Properties[name], f.Tag); err != nil {
			return nil, fmt.Errorf("argument %s of %s: %w", name, t, err)
		}
	}
	walk(s, func(s *jsonschema.Schema) { notNull(s) })
	return s, nil
}

func bound(s *jsonschema.Schema, tag reflect.StructTag) error {
	for _, value := range strings.FieldsFunc(tag.Get("enum"), func(r rune) bool { return r == ',' }) {
		s.Enum = append(s.Enum, value)
	}
	for name, limit := range map[string]**float64{"min": &s.Minimum, "max": &s.Maximum} {
		if text, ok := tag.Lookup(name); ok {
			value, err := strconv.ParseFloat(text, 64)
			if err != nil {
				return fmt.Errorf("%s tag: %w", name, err)
			}
			*limit = &value
		}
	}
	return nil
}

// outputSchema describes a result struct. Results may grow: what a schema does
// not name is allowed.
func outputSchema(out any) (*jsonschema.Schema, error) {
	s, err := jsonschema.ForType(reflect.TypeOf(out), &jsonschema.ForOptions{})
	if err != nil {
		return nil, fmt.Errorf("derive schema of %T: %w", out, err)
	}
	walk(s, func(s *jsonschema.Schema) {
		if len(s.Types) == 2 && s.Types[1] == "integer" { // a task's number, or null where there is none
			s.AnyOf, s.Types = []*jsonschema.Schema{{Type: "integer"}, {Type: "null"}}, nil
		}
		notNull(s)
		if s.Properties != nil {
			s.AdditionalProperties = nil
		}
	})
	return s, nil
}

// notNull turns ["null", T] into T: an argument that is not given is left out.
func notNull(s *jsonschema.Schema) {
	if len(s.Types) == 2 && s.Types[0] == "null" {
		s.Type, s.Types = s.Types[1], nil
	}
}

func walk(s *jsonschema.Schema, visit func(*jsonschema.Schema)) {
	if s == nil {
		return
	}
	visit(s)
	for _, p := range s.Properties {
		walk(p, visit)
	}
	walk(s.Items, visit)
	walk(s.AdditionalProperties, visit)
}

// schemas are what clients see of a tool's arguments and result.
type schemas struct {
	Input  json.RawMessage `json:"input"`
	Output json.RawMessage `json:"output"`
}

// derive makes the schemas of a tool from its structs. That takes milliseconds
// for all of them, which a client would wait for at every start.
func derive(t tools.Tool) (schemas, error) {
	input, err := inputSchema(t.In)
	if err != nil {
		return schemas{}, err
	}
	output, err := outputSchema(t.Out)
	if err != nil {
		return schemas{}, err
	}
	in, err1 := json.Marshal(input)
	out, err2 := json.Marshal(output)
	return schemas{Input: in, Output: out}, errors.Join(err1, err2)
}

//go:generate go test . -run TestSchemasAreCurrent -update
//go:embed schemas.json
var schemasJSON []byte

// generated are the derived schemas of all tools, by name. A tool that is missing
// is derived at start; a test holds the file against the structs.
func generated() (map[string]schemas, error) {
	var all map[string]schemas
	if err := json.Unmarshal(schemasJSON, &all); err != nil {
		return nil, fmt.Errorf("decode schemas: %w", err)
	}
	return all, nil
}

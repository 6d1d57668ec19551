package server

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"

	"github.com/google/jsonschema-go/jsonschema"

	"wt-mcp/server/desk"
	"wt-mcp/tools"
)

// outputSchema describes a result struct. Results may grow, and a client whose model
// sees the text gets nothing else: what a schema does not name is allowed, and nothing
// is required.
func outputSchema(out any) (*jsonschema.Schema, error) {
	s, err := jsonschema.ForType(reflect.TypeOf(out), &jsonschema.ForOptions{})
	if err != nil {
		return nil, fmt.Errorf("derive schema of %T: %w", out, err)
	}
	desk.Walk(s, func(s *jsonschema.Schema) {
		if len(s.Types) == 2 && s.Types[1] == "integer" { // a task's number, or null where there is none
			s.AnyOf, s.Types = []*jsonschema.Schema{{Type: "integer"}, {Type: "null"}}, nil
		}
		desk.NotNull(s)
		s.Description = "" // no client shows it, and every session takes it in
		s.Required = nil
		if s.Properties != nil {
			s.AdditionalProperties = nil
		}
	})
	return s, nil
}

// schemas are what clients see of a tool's arguments and result.
type schemas struct {
	Input  json.RawMessage `json:"input"`
	Output json.RawMessage `json:"output"`
}

// derive makes the schemas of a tool from its structs. That takes milliseconds
// for all of them, which a client would wait for at every start.
func derive(t tools.Tool) (schemas, error) {
	input, err := desk.InputSchema(t.In)
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

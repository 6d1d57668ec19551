package desk

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"

	"wt-mcp/state"
)

// InputSchema describes an argument struct for clients: no argument that the
// struct does not have, no nulls, and the bounds of the enum, min and max tags.
func InputSchema(in any) (*jsonschema.Schema, error) {
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
	Walk(s, NotNull)
	s.Properties[repoArgument] = &jsonschema.Schema{Type: "string"}
	s.PropertyOrder = append(s.PropertyOrder, repoArgument)
	return s, nil
}

// repoArgument is what every tool takes: which of the repositories that are open a
// call is for. It is the desk's, no tool sees it.
const repoArgument = "repo"

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

// NotNull turns ["null", T] into T: an argument that is not given is left out.
func NotNull(s *jsonschema.Schema) {
	if len(s.Types) == 2 && s.Types[0] == "null" {
		s.Type, s.Types = s.Types[1], nil
	}
}

// Walk visits a schema and all within it.
func Walk(s *jsonschema.Schema, visit func(*jsonschema.Schema)) {
	if s == nil {
		return
	}
	visit(s)
	for _, p := range s.Properties {
		Walk(p, visit)
	}
	Walk(s.Items, visit)
	Walk(s.AdditionalProperties, visit)
}

package state

import (
	"bytes"
	"encoding/json"
	"slices"
	"sort"
	"strings"
)

// marshalKeeping encodes known (a struct) and appends, in sorted order, the keys
// of raw that known does not name: what other programs and people wrote into a
// file survives our rewriting it.
func marshalKeeping(known any, names []string, raw json.RawMessage) ([]byte, error) {
	out, err := Encode(known)
	if err != nil || len(raw) == 0 {
		return out, err
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(raw, &all); err != nil {
		return nil, err
	}
	var unknown []string
	for key := range all {
		if !slices.Contains(names, key) {
			unknown = append(unknown, key)
		}
	}
	sort.Strings(unknown)
	for _, key := range unknown {
		name, err := Encode(key)
		if err != nil {
			return nil, err
		}
		out = append(bytes.TrimSuffix(out, []byte("}")), ',')
		out = append(append(append(append(out, name...), ':'), all[key]...), '}')
	}
	return out, nil
}

// Encode is json.Marshal without the escaping of <, > and &, which people would
// have to read in the files.
func Encode(v any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimRight(buf.Bytes(), "\n"), nil
}

// file is the form in which a person reads it: two-space indentation, one final newline.
func file(v any) ([]byte, error) {
	compact, err := Encode(v)
	if err != nil {
		return nil, err
	}
	var buf bytes.Buffer
	if err := json.Indent(&buf, compact, "", "  "); err != nil {
		return nil, err
	}
	buf.WriteByte('\n')
	return buf.Bytes(), nil
}

// uniqueIDs returns the stems of the names that end in .json, sorted, each once.
func uniqueIDs(names []string) []string {
	var ids []string
	for _, name := range names {
		if id, ok := strings.CutSuffix(name, ".json"); ok && !strings.HasPrefix(name, ".") {
			ids = append(ids, id)
		}
	}
	sort.Strings(ids)
	return slices.Compact(ids)
}

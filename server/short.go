package server

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"wt-mcp/state"
	"wt-mcp/tools"
)

// short is the structure of an answer for a model that sees nothing else: without what
// only programs need and what is empty, null or false, and with times that it can read.
// The first key stays: it says what the answer is about.
type short struct {
	answer tools.Answer
	quiet  []string
}

// MarshalJSON writes it in the order of the answer.
func (s short) MarshalJSON() ([]byte, error) {
	data, err := json.Marshal(s.answer)
	if err != nil {
		return nil, err
	}
	hidden := map[string]bool{"created_at": true, "updated_at": true}
	for _, path := range s.quiet {
		hidden[path] = true
	}
	return shortened(data, "", hidden), nil
}

// shortened shortens one value, which is what path leads to. What is no JSON stays.
func shortened(raw json.RawMessage, path string, hidden map[string]bool) json.RawMessage {
	raw = bytes.TrimSpace(raw)
	switch {
	case len(raw) > 0 && raw[0] == '{':
		return shortObject(raw, path, hidden)
	case len(raw) > 0 && raw[0] == '[':
		return shortList(raw, path, hidden)
	}
	return raw
}

func shortObject(raw json.RawMessage, path string, hidden map[string]bool) json.RawMessage {
	in := json.NewDecoder(bytes.NewReader(raw))
	_, err := in.Token()
	out := []byte("{")
	for first := true; err == nil && in.More(); first = false {
		var key json.Token
		var value json.RawMessage
		if key, err = in.Token(); err != nil {
			break
		}
		if err = in.Decode(&value); err != nil {
			break
		}
		name, _ := key.(string)
		at := strings.TrimPrefix(path+"."+name, ".")
		if hidden[at] || hidden[name] && strings.HasSuffix(name, "_at") {
			continue
		}
		value = moment(name, shortened(value, at, hidden))
		if isEmpty(value) && !(first && path == "") {
			continue
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(append(append(out, quoted(name)...), ':'), value...)
	}
	if err != nil {
		return raw
	}
	return append(out, '}')
}

func shortList(raw json.RawMessage, path string, hidden map[string]bool) json.RawMessage {
	var items []json.RawMessage
	if json.Unmarshal(raw, &items) != nil {
		return raw
	}
	out := []byte("[")
	for i, item := range items {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, shortened(item, path, hidden)...)
	}
	return append(out, ']')
}

func isEmpty(value json.RawMessage) bool {
	switch string(value) {
	case `""`, "[]", "{}", "null", "false":
		return true
	}
	return false
}

func quoted(name string) []byte {
	text, err := state.Encode(name)
	if err != nil {
		return []byte(`""`)
	}
	return text
}

// moment makes a time that people can read of epoch seconds, where the key is one of a
// time.
func moment(key string, value json.RawMessage) json.RawMessage {
	switch key {
	case "ts", "at", "since", "last_activity":
	default:
		if !strings.HasSuffix(key, "_at") {
			return value
		}
	}
	const longAgo = 1e8
	if seconds, err := strconv.ParseFloat(string(value), 64); err == nil && seconds > longAgo {
		return quoted(state.Time(seconds).Format(time.DateTime) + "Z")
	}
	return value
}

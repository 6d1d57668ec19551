package stdio

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"unicode/utf8"

	"github.com/mark3labs/mcp-go/mcp"
)

// message is one JSON-RPC message, its parts as they were written.
type message struct {
	id        json.RawMessage // nil: none
	jsonrpc   json.RawMessage
	rawMethod json.RawMessage
	method    string
	params    json.RawMessage // nil: none, or null
	result    json.RawMessage
	failure   json.RawMessage // the member "error"

	modern        bool // carries a protocol version of the stateless era
	progressToken json.RawMessage
	oversized     bool // the token is a number that the engine cannot hold
}

// parse takes a line apart. A fault is what is to be answered instead of handling it.
func parse(text []byte) (message, *fault) {
	if !utf8.Valid(text) {
		return message{}, &fault{code: mcp.PARSE_ERROR, text: "the line is not valid UTF-8"}
	}
	if !json.Valid(text) {
		return message{}, &fault{code: mcp.PARSE_ERROR, text: "the line is not valid JSON: " + syntaxError(text)}
	}
	if text[0] == '[' {
		return message{}, &fault{code: mcp.INVALID_REQUEST, text: "batches are not supported: send one message per line"}
	}
	if text[0] != '{' {
		return message{}, &fault{code: mcp.INVALID_REQUEST, text: "a message must be a JSON object"}
	}
	m := split(text)
	return m, m.check()
}

func syntaxError(text []byte) string {
	var raw json.RawMessage
	return fmt.Sprint(json.Unmarshal(text, &raw))
}

func split(text []byte) message {
	var m message
	for key, value := range members(text) {
		switch key {
		case "id":
			m.id = value
		case "jsonrpc":
			m.jsonrpc = value
		case "method":
			m.rawMethod = value
			m.method, _ = unquote(value)
		case "params":
			m.params = value
		case "result":
			m.result = value
		case "error":
			m.failure = value
		}
	}
	if isNull(m.params) {
		m.params = nil
	}
	m.readMeta()
	return m
}

func (m *message) readMeta() {
	for key, value := range members(m.member("_meta")) {
		switch key {
		case mcp.MetaKeyProtocolVersion:
			version, _ := unquote(value)
			m.modern = mcp.IsModernProtocol(version)
		case "progressToken":
			m.progressToken = nil
			if validID(value) {
				m.progressToken = value
				m.oversized = isNumber(value) && !fits(value)
			}
		}
	}
}

// fits reports whether a number is one that a float64 holds.
func fits(number []byte) bool {
	_, err := strconv.ParseFloat(string(number), 64)
	return err == nil
}

// engineParams are params as the engine gets to see them. A token that it cannot hold
// is left out: only what is written to the client needs it.
func (m *message) engineParams() json.RawMessage {
	if !m.oversized {
		return m.params
	}
	meta := message{params: m.member("_meta")}
	meta.takeOut("progressToken")
	whole := message{params: m.params}
	whole.takeOut("_meta")
	rest := bytes.TrimPrefix(whole.params, []byte("{"))
	if len(rest) > 1 {
		rest = append([]byte(","), rest...)
	}
	return append(append([]byte(`{"_meta":`), meta.params...), rest...)
}

// member returns one member of params, nil if there is none.
func (m *message) member(name string) (found json.RawMessage) {
	for key, value := range members(m.params) {
		if key == name {
			found = value
		}
	}
	return found
}

// isResponse reports whether m answers a request of ours. Responses have no
// faults: nothing may ever be answered to them.
func (m *message) isResponse() bool {
	return m.rawMethod == nil && (m.result != nil || m.failure != nil)
}

func (m *message) check() *fault {
	if m.isResponse() {
		return nil
	}
	if m.id != nil && !validID(m.id) {
		return &fault{code: mcp.INVALID_REQUEST, text: "id must be a string or a number"}
	}
	text := ""
	switch version, _ := unquote(m.jsonrpc); {
	case version != mcp.JSONRPC_VERSION:
		text = `jsonrpc must be "2.0"`
	case m.rawMethod == nil:
		text = "method is missing"
	case !isString(m.rawMethod):
		text = "method must be a string"
	case m.params != nil && !isObject(m.params):
		text = "params must be an object"
	default:
		return nil
	}
	return &fault{id: m.id, code: mcp.INVALID_REQUEST, text: text}
}

func validID(raw []byte) bool { return isString(raw) || isNumber(raw) }

// engineForm is the message as mcp-go gets to see it, under an id of ours. What mcp-go
// reads is then exactly what was read here (its decoder also takes "ID" or
// "RESULT" for a key), and its table of running requests, which holds ids as
// float64 and takes 777 and "777" for one, has no two the same.
func (m *message) engineForm(seq uint64) json.RawMessage {
	form := make([]byte, 0, len(m.rawMethod)+len(m.params)+64)
	form = append(form, `{"jsonrpc":"2.0"`...)
	if m.id != nil {
		form = strconv.AppendUint(append(form, `,"id":`...), seq, 10)
	}
	form = append(append(form, `,"method":`...), m.rawMethod...)
	if m.params != nil {
		form = append(append(form, `,"params":`...), m.engineParams()...)
	}
	return append(form, '}')
}

// oversize is the answer to a line over the limit, nil if the line is seen to be
// a response.
func oversize(l line, limit int) *fault {
	f := &fault{code: mcp.INVALID_REQUEST}
	f.text = fmt.Sprintf("message of %d bytes is over the limit of %s", l.size, megabytes(limit))
	for key, value := range members(l.head) {
		switch key {
		case "id":
			f.id = value
		case "result", "error":
			return nil
		}
	}
	if f.id == nil {
		f.id = trailingID(l.tail)
	}
	if !validID(f.id) || !json.Valid(f.id) || !utf8.Valid(f.id) {
		f.id = nil
	}
	return f
}

// trailingID finds an id that is the last member of a message, where the
// TypeScript SDK puts it. The last brace of a line closes the message itself, so
// nothing nested can be mistaken for it.
func trailingID(tail []byte) json.RawMessage {
	body, ok := bytes.CutSuffix(bytes.TrimRight(tail, blanks), []byte("}"))
	at := bytes.LastIndex(body, []byte(`"id"`))
	if !ok || at < 0 {
		return nil
	}
	before := bytes.TrimRight(body[:at], blanks)
	value, ok := bytes.CutPrefix(bytes.TrimLeft(body[at+len(`"id"`):], blanks), []byte(":"))
	if !ok || !bytes.HasSuffix(before, []byte(",")) {
		return nil
	}
	return bytes.Trim(value, blanks)
}

// takeOut removes a member of params and returns it, nil if there is none.
func (m *message) takeOut(name string) (taken json.RawMessage) {
	rest := []byte{'{'}
	for key, value := range members(m.params) {
		if key == name {
			taken = value
			continue
		}
		if len(rest) > 1 {
			rest = append(rest, ',')
		}
		quoted, _ := json.Marshal(key)
		rest = append(append(append(rest, quoted...), ':'), value...)
	}
	m.params = append(rest, '}')
	return taken
}

func megabytes(n int) string {
	if n%(1<<20) == 0 {
		return fmt.Sprintf("%d MB", n>>20)
	}
	return fmt.Sprintf("%d bytes", n)
}

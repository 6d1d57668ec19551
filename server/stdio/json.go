package stdio

import (
	"bytes"
	"encoding/json"
	"fmt"
	"iter"
)

const blanks = " \t\r\n"

// members yields the members of a JSON object in order, values as they were
// written and keys exactly, where encoding/json does not mind case. Of an object
// that is cut off it yields what there is, the last value being nil if it is not
// whole; of anything else, nothing.
func members(object []byte) iter.Seq2[string, json.RawMessage] {
	return func(yield func(string, json.RawMessage) bool) {
		rest, ok := bytes.CutPrefix(bytes.TrimLeft(object, blanks), []byte("{"))
		for ok {
			var key string
			var value []byte
			if key, value, rest, ok = member(rest); !ok || !yield(key, value) {
				return
			}
			rest, ok = bytes.CutPrefix(bytes.TrimLeft(rest, blanks), []byte(","))
		}
	}
}

func member(text []byte) (key string, value, rest []byte, ok bool) {
	raw, rest := cutValue(text)
	if key, ok = unquote(raw); !ok {
		return
	}
	if rest, ok = bytes.CutPrefix(bytes.TrimLeft(rest, blanks), []byte(":")); !ok {
		return
	}
	value, rest = cutValue(rest)
	return key, value, rest, true
}

// cutValue cuts the first value off text. The value is nil when it does not end
// within text.
func cutValue(text []byte) (value, rest []byte) {
	text = bytes.TrimLeft(text, blanks)
	end := valueEnd(text)
	if end <= 0 {
		return nil, nil
	}
	return text[:end:end], text[end:]
}

func valueEnd(text []byte) int {
	if len(text) == 0 {
		return -1
	}
	switch text[0] {
	case '"':
		return stringEnd(text, 0)
	case '{', '[':
		return nestedEnd(text)
	}
	return bytes.IndexAny(text, ",}]"+blanks)
}

// stringEnd returns the index behind the string that starts at i, or -1.
func stringEnd(text []byte, i int) int {
	for i++; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return -1
}

func nestedEnd(text []byte) int {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		case '"':
			if i = stringEnd(text, i) - 1; i < 0 {
				return -1
			}
		}
	}
	return -1
}

func unquote(raw []byte) (text string, ok bool) {
	if len(raw) < 2 || raw[0] != '"' {
		return "", false
	}
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw[1 : len(raw)-1]), true
	}
	return text, json.Unmarshal(raw, &text) == nil
}

func isObject(raw []byte) bool { return len(raw) > 0 && raw[0] == '{' }
func isNull(raw []byte) bool   { return string(raw) == "null" }
func isString(raw []byte) bool { return len(raw) > 0 && raw[0] == '"' }
func isNumber(raw []byte) bool {
	return len(raw) > 0 && (raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9')
}

// encode is json.Marshal for values with foreign MarshalJSON methods: their
// panics come back as errors.
func encode(v any) (text []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("encode %T: panic: %v", v, p)
		}
	}()
	return json.Marshal(v)
}

package state

import (
	"bytes"
	"fmt"
)

// Bounds on JSON that somebody else may have written: what is larger takes memory
// and time out of all proportion to its bytes once it is decoded and indented.
const (
	maxDepth  = 64
	maxValues = 500_000 // objects and lists
)

// shaped returns JSON without the byte order mark that some editors begin a file
// with, or says what is too much of it.
func shaped(data []byte) ([]byte, error) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	values := bytes.Count(data, []byte("{")) + bytes.Count(data, []byte("["))
	switch {
	case values <= maxDepth:
		return data, nil
	case values > maxValues:
		return nil, fmt.Errorf("has more than %d objects and lists", maxValues)
	case deeper(data, maxDepth):
		return nil, fmt.Errorf("is nested more than %d deep", maxDepth)
	}
	return data, nil
}

// deeper reports whether JSON is nested more than limit deep.
func deeper(data []byte, limit int) bool {
	depth, quoted := 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > limit {
				return true
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return false
}

package tools

import (
	"encoding/json"
	"errors"
	"slices"
)

// joined writes two structs as one JSON object, the keys of the first before those
// of the second. Embedding alone does not do it: what a board file holds writes
// itself, with the keys that only the file knows.
func joined(first, second any) ([]byte, error) {
	one, err1 := json.Marshal(first)
	two, err2 := json.Marshal(second)
	if err := errors.Join(err1, err2); err != nil || string(two) == "{}" {
		return one, err
	}
	return slices.Concat(one[:len(one)-1], []byte(","), two[1:]), nil
}

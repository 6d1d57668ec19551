package state

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Quotes and escapes hide brackets.
func TestShaped(t *testing.T) {
	brackets := strings.Repeat("[", 100)
	for in, ok := range map[string]bool{
		`{"a":"` + brackets + `"}`: true, `{"a":"\"` + brackets + `"}`: true, `{"a\\":` + brackets: false, brackets: false,
		strings.Repeat("[]", 100): true, "\xef\xbb\xbf{}": true,
	} {
		data, err := shaped([]byte(in))
		require.Equal(t, ok, err == nil, in)
		require.False(t, bytes.HasPrefix(data, []byte("\xef\xbb\xbf")))
	}
}

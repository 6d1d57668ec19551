package git

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What git diff-tree says is read as a whole, or refused.
func FuzzParseChanges(f *testing.F) {
	id := strings.Repeat("1", 40)
	f.Add([]byte(":100644 100755 " + id + " " + id + " M\x00a\nb\x00:000000 120000 " + id + " " + id + " A\x00l\x00"))
	f.Add([]byte(":100644 100755 " + id + " " + id + " M\x00a"))
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := parseChanges(data)
		if err != nil {
			return
		}
		require.Equal(t, strings.Count(string(data), "\x00"), 2*len(list))
		for _, c := range list {
			require.NotEmpty(t, c.path)
			require.NotContains(t, c.path, "\x00")
		}
	})
}

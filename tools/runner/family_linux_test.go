package runner

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseStat(t *testing.T) {
	require.Equal(t, proc{7, 1, "S", "a) b"}, parseStat(7, "7 (a) b) S 1 7 7 0"))
}

func FuzzParseStat(f *testing.F) {
	f.Add(7, "7 (a) b) S 1 7 7")
	f.Add(7, "7 (sh")
	f.Add(0, ") (")
	f.Fuzz(func(t *testing.T, pid int, stat string) {
		p := parseStat(pid, stat)
		require.Equal(t, pid, p.pid)
	})
}

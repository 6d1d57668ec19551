//go:build unix

package runner

import (
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestRunStaysSmall: memory does not grow with output, not even as garbage.
func TestRunStaysSmall(t *testing.T) {
	for _, tc := range []struct {
		name, script string
		bytes        int64
	}{
		{"10 MB of lines", "yes 'some words of output' | head -c 10000000", 10_000_000},
		{"50 MB of short lines", "yes | head -c 50000000", 50_000_000},
		{"10 MB in one line", "yes | tr -d '\\n' | head -c 10000000", 10_000_000},
		{"10 MB of progress", "yes 50% | tr '\\n' '\\r' | head -c 10000000", 10_000_000},
		{"1 MB of NUL", "head -c 1000000 /dev/zero", 1_000_000},
		{"1 MB of bad bytes", "head -c 1000000 /dev/zero | tr '\\000' '\\377'", 1_000_000},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var before, after runtime.MemStats
			c := command(t, tc.script)
			runtime.ReadMemStats(&before)
			got, err := Run(t.Context(), c)
			runtime.ReadMemStats(&after)
			require.NoError(t, err)
			require.Zero(t, got.ExitCode)
			require.Equal(t, tc.bytes, got.OutputBytes)
			require.LessOrEqual(t, len(got.Output), DefaultOutputBudget)
			require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<20))
		})
	}
}

func TestRunBudget(t *testing.T) {
	t.Parallel()
	c := command(t, "i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); done")
	c.OutputBudget = 2000
	got := mustRun(t, c)
	require.True(t, got.Truncated)
	require.LessOrEqual(t, len(got.Output), 2000)
	require.True(t, strings.HasPrefix(got.Output, "line 0\nline 1\n"))
	require.True(t, strings.HasSuffix(got.Output, "\nline 2999\n"))
	require.Regexp(t, `\n\[\.\.\. \d+ bytes \(\d+ lines\) left out \.\.\.\]\n`, got.Output)
}

func BenchmarkRunTrue(b *testing.B) {
	c := command(b, "true")
	for b.Loop() {
		if _, err := Run(b.Context(), c); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkExecTrue(b *testing.B) {
	for b.Loop() {
		if err := exec.Command("/bin/sh", "-c", "true").Run(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRunOutput(b *testing.B) {
	const size = 50_000_000
	c := command(b, "head -c 50000000 /dev/zero | tr '\\000' '\\n'")
	b.SetBytes(size)
	for b.Loop() {
		if got, err := Run(b.Context(), c); err != nil || got.OutputBytes != size {
			b.Fatal(got, err)
		}
	}
}

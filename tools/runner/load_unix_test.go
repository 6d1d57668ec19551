//go:build unix

package runner

import (
	"os/exec"
	"testing"
)

// The two belong together: what a run costs over starting the same shell.
func BenchmarkRunTrue(b *testing.B) {
	board := newBoard(b)
	for b.Loop() {
		if _, err := board.runOn(b.Context(), command(b, "true")); err != nil {
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
	board := newBoard(b)
	b.SetBytes(size)
	for b.Loop() {
		c := command(b, "head -c 50000000 /dev/zero | tr '\\000' '\\n'")
		if got, err := board.runOn(b.Context(), c); err != nil || got.OutputBytes != size {
			b.Fatal(got, err)
		}
	}
}

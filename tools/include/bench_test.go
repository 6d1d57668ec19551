package include

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// BenchmarkCopy copies 20,000 small files in 2,000 directories. WT_MCP_BENCH_DIR
// names a directory on the file system to measure.
func BenchmarkCopy(b *testing.B) {
	dir := os.Getenv("WT_MCP_BENCH_DIR")
	if dir == "" {
		dir = b.TempDir()
	}
	from := filepath.Join(dir, "from")
	modules(b, filepath.Join(from, "node_modules"), 1000)
	for i := 0; b.Loop(); i++ {
		to := filepath.Join(dir, fmt.Sprintf("to-%d", i))
		require.NoError(b, os.Mkdir(to, 0o755))
		r := Copy(b.Context(), from, to, []string{"node_modules/"}, nil)
		require.Equal(b, 20_000, r.Files)
		require.Empty(b, r.Errors)
	}
}

// modules makes packages of 20 files each.
func modules(t testing.TB, dir string, packages int) {
	for p := range packages {
		lib := filepath.Join(dir, fmt.Sprintf("package-%d", p), "lib")
		require.NoError(t, os.MkdirAll(lib, 0o755))
		for f := range 20 {
			content := make([]byte, 100+(p*f)%4000)
			require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(lib), []string{".", "lib"}[f%2], fmt.Sprintf("%d.js", f)), content, 0o644))
		}
	}
}

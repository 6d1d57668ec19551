package disk

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestUsage(t *testing.T) {
	t.Parallel()
	dir, outside := t.TempDir(), t.TempDir()
	const large = 1 << 20
	content := make([]byte, large)
	for i := range content {
		content[i] = byte(i * 7)
	}
	require.NoError(t, os.WriteFile(filepath.Join(outside, "not ours"), content, 0o644))
	before, err := Of(t.Context(), dir)
	require.NoError(t, err)

	require.NoError(t, os.MkdirAll(filepath.Join(dir, "sub"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "sub", "file"), content, 0o644))
	require.NoError(t, os.Link(filepath.Join(dir, "sub", "file"), filepath.Join(dir, "again")))
	require.NoError(t, os.Symlink(outside, filepath.Join(dir, "link")))
	require.NoError(t, os.Symlink(dir, filepath.Join(dir, "sub", "cycle")))
	after, err := Of(t.Context(), dir)
	require.NoError(t, err)
	require.False(t, after.AtLeast)
	require.InDelta(t, large, after.Bytes-before.Bytes, 64<<10)

	_, err = Of(t.Context(), filepath.Join(dir, "missing"))
	require.ErrorIs(t, err, os.ErrNotExist)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = Of(ctx, dir)
	require.ErrorIs(t, err, context.Canceled)
}

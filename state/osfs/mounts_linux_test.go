package osfs

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// Without /proc the kernel is asked of each entry: a directory and a file that
// something is mounted at are found, by any name, and a link to one is not.
func TestMountsAreFoundWithoutProc(t *testing.T) {
	t.Parallel()
	dir, other := t.TempDir(), t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	require.NoError(t, os.MkdirAll(at("a/b c"), 0o755))
	require.NoError(t, os.WriteFile(at("a/file"), nil, 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(other, "x"), nil, 0o644))
	require.NoError(t, os.Symlink(at("a/b c"), at("link")))
	found, err := mountRoots(dir)
	require.NoError(t, err)
	require.Empty(t, found)

	bind(t, other, at("a/b c"))
	bind(t, filepath.Join(other, "x"), at("a/file"))
	found, err = mountRoots(dir)
	require.NoError(t, err)
	require.ElementsMatch(t, []string{at("a/b c"), at("a/file")}, found)
	found, err = mountRoots(at("a/b c"))
	require.NoError(t, err)
	require.Equal(t, []string{at("a/b c")}, found)
	told, err := MountsBelow(dir)
	require.NoError(t, err)
	require.ElementsMatch(t, []string{at("a/b c"), at("a/file")}, told, "and /proc says the same")
}

// bind mounts one path over another until the test ends.
func bind(t *testing.T, from, to string) {
	t.Helper()
	if err := unix.Mount(from, to, "", unix.MS_BIND, ""); err != nil {
		t.Skipf("this needs the right to mount: %v", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(to, unix.MNT_DETACH) })
}

func TestMountNames(t *testing.T) {
	t.Parallel()
	require.Equal(t, "/a b\n\\c", unescapeMount(`/a\040b\012\134c`))
	require.Equal(t, `/a\0`, unescapeMount(`/a\0`))
}

package osfs_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"wt-mcp/state/osfs"
)

func open(t *testing.T, path string) *osfs.Dir {
	t.Helper()
	dir, err := osfs.Open(path)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, dir.Close()) })
	return dir
}

func write(t *testing.T, name, content string) string {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o755))
	require.NoError(t, os.WriteFile(name, []byte(content), 0o644))
	return name
}

func TestPlainFiles(t *testing.T) {
	top := t.TempDir()
	dir := open(t, top)
	require.NoError(t, dir.MkdirAll("a/b", 0o755, osfs.Sharing{}))
	require.NoError(t, dir.MkdirAll("a/b", 0o755, osfs.Sharing{}), "again")
	f, err := dir.OpenFile("a/b/f", os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	require.NoError(t, err)
	_, err = f.WriteString("one")
	require.NoError(t, errors.Join(err, f.Close()))
	data, err := dir.ReadFile("a/b/f", 3)
	require.NoError(t, err)
	require.Equal(t, "one", string(data))
	_, err = dir.ReadFile("a/b/f", 2)
	require.ErrorContains(t, err, filepath.Join(top, "a/b/f")+" has 3 bytes")
	_, err = dir.OpenFile("a/b/g", os.O_RDONLY, 0)
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = dir.OpenFile("a/b/f", os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	require.ErrorIs(t, err, fs.ErrExist)

	require.NoError(t, dir.Rename("a/b/f", "a/g"))
	require.NoError(t, dir.Link("a/g", "a/b/h"))
	require.ErrorIs(t, dir.Link("a/g", "a/b/h"), fs.ErrExist)
	_, err = dir.OpenFile("a/g", os.O_WRONLY, 0)
	require.ErrorContains(t, err, "hard link")
	_, err = dir.ReadFile("a/g", 10)
	require.NoError(t, err, "what is only read may have two names")
	require.NoError(t, dir.Remove("a/b/h"))
	require.NoError(t, dir.Rename("a/g", "a/f"))
	for _, name := range []string{"..", "../x", "/etc/passwd", "a//b", "", "a/../../x"} {
		_, err := dir.OpenFile(name, os.O_RDONLY, 0)
		require.Error(t, err, name)
		require.NotErrorIs(t, err, fs.ErrNotExist, name)
	}
}

func TestSharing(t *testing.T) {
	for _, c := range []struct {
		value     string
		file, dir fs.FileMode // of 0600 and 0700
		shared    bool
	}{
		{"", 0o600, fs.ModeDir | 0o700, false},
		{"umask", 0o600, fs.ModeDir | 0o700, false},
		{"group", 0o660, fs.ModeDir | fs.ModeSetgid | 0o770, true},
		{"1", 0o660, fs.ModeDir | fs.ModeSetgid | 0o770, true},
		{"all", 0o664, fs.ModeDir | fs.ModeSetgid | 0o775, true},
		{"0640", 0o640, fs.ModeDir | fs.ModeSetgid | 0o750, true},
		{"0600", 0o600, fs.ModeDir | 0o700, false},
		{"0666", 0o666, fs.ModeDir | fs.ModeSetgid | 0o777, true},
	} {
		s, err := osfs.ParseSharing(c.value)
		require.NoError(t, err, c.value)
		require.Equal(t, c.file, s.Mode(0o600), c.value)
		require.Equal(t, c.dir, s.Mode(fs.ModeDir|0o700), c.value)
		require.Equal(t, c.shared, s.Shared(), c.value)
	}
	s, err := osfs.ParseSharing("0640")
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o640), s.Mode(0o666), "a mode is taken away from as well")
	for _, value := range []string{"0440", "x", "01777"} {
		_, err := osfs.ParseSharing(value)
		require.Error(t, err, value)
	}
}

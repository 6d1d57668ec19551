//go:build unix

package osfs_test

import (
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wt-mcp/state/osfs"
)

// Whatever lies in place of a file or directory is refused at once, and what it
// leads to is left alone.
func TestWhatIsNotPlainIsRefused(t *testing.T) {
	outside := t.TempDir()
	canary := write(t, filepath.Join(outside, "canary"), "secret")
	for what, place := range map[string]func(name string) error{
		"a symbolic link": func(name string) error { return os.Symlink(canary, name) },
		"a directory":     func(name string) error { return os.Mkdir(name, 0o755) },
		"a pipe":          func(name string) error { return syscall.Mkfifo(name, 0o666) },
		"a socket":        func(name string) error { return listen(t, name) },
		"a device":        func(name string) error { return syscall.Mknod(name, syscall.S_IFCHR|0o666, 1<<8|5) },
	} {
		t.Run(what, func(t *testing.T) {
			top := t.TempDir()
			if err := place(filepath.Join(top, "f")); err != nil {
				t.Skip(err)
			}
			dir := open(t, top)
			for _, flag := range []int{os.O_RDONLY, os.O_RDWR, os.O_WRONLY | os.O_APPEND, os.O_RDWR | os.O_CREATE} {
				began := time.Now()
				_, err := dir.OpenFile("f", flag, 0o600)
				var refused *osfs.Refused
				require.ErrorAs(t, err, &refused)
				require.ErrorContains(t, err, filepath.Join(top, "f")+" is "+what)
				require.Less(t, time.Since(began), time.Second)
			}
			_, err := dir.ReadFile("f/g", 10)
			require.Error(t, err)
			data, err := os.ReadFile(canary)
			require.NoError(t, err)
			require.Equal(t, "secret", string(data))
		})
	}
}

func listen(t *testing.T, name string) error {
	t.Chdir(filepath.Dir(name))
	l, err := net.Listen("unix", filepath.Base(name))
	if err == nil {
		t.Cleanup(func() { l.Close() })
	}
	return err
}

// A link is followed at no component, wherever it leads, for no call.
func TestNoComponentIsALink(t *testing.T) {
	for _, to := range []string{"outside", "inside", "dangling"} {
		t.Run(to, func(t *testing.T) {
			top, outside := t.TempDir(), t.TempDir()
			write(t, filepath.Join(outside, "f"), "secret")
			write(t, filepath.Join(top, "real", "f"), "secret")
			target := map[string]string{"outside": outside, "inside": "real", "dangling": "nowhere"}[to]
			require.NoError(t, os.Symlink(target, filepath.Join(top, "l")))
			write(t, filepath.Join(top, "mine"), "mine")
			dir := open(t, top)
			fails := func(err error) {
				t.Helper()
				require.ErrorContains(t, err, filepath.Join(top, "l")+" is a symbolic link")
			}
			_, err := dir.ReadFile("l/f", 10)
			fails(err)
			_, err = dir.OpenFile("l/new", os.O_RDWR|os.O_CREATE, 0o600)
			fails(err)
			_, err = dir.Lstat("l/f")
			fails(err)
			_, err = dir.Sub("l")
			fails(err)
			fails(dir.Mkdir("l/d", 0o700))
			fails(dir.MkdirAll("l/d", 0o700, osfs.Sharing{}))
			fails(dir.Remove("l/f"))
			fails(dir.Rename("mine", "l/mine"))
			fails(dir.Link("mine", "l/mine"))
			entries, err := os.ReadDir(outside)
			require.NoError(t, err)
			require.Len(t, entries, 1)
		})
	}
}

// What was just made has the modes of the repository, whatever the umask.
func TestAdjust(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0o077))
	top := t.TempDir()
	dir := open(t, top)
	group, err := osfs.ParseSharing("group")
	require.NoError(t, err)
	require.NoError(t, dir.MkdirAll("a/b", 0o755, group))
	for _, name := range []string{"a", "a/b"} {
		info, err := dir.Lstat(name)
		require.NoError(t, err)
		require.Equal(t, os.ModeDir|os.ModeSetgid|0o770, info.Mode(), name)
	}
	f, err := dir.OpenFile("a/f", os.O_RDWR|os.O_CREATE, 0o644)
	require.NoError(t, err)
	defer f.Close()
	require.NoError(t, group.Adjust(f))
	info, err := f.Stat()
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o660), info.Mode())
}

package git

import (
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// mount binds one directory over another, until the test ends.
func mount(t *testing.T, from, to string) {
	t.Helper()
	if err := syscall.Mount(from, to, "", syscall.MS_BIND, ""); err != nil {
		t.Skipf("this needs the right to mount: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(to, syscall.MNT_DETACH) })
}

func unmount(t *testing.T, at string) {
	t.Helper()
	require.NoError(t, syscall.Unmount(at, 0))
}

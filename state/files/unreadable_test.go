package files

import (
	"errors"
	"io/fs"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"wt-mcp/state"
)

// What the system refuses is told with what to do; what it does not refuse is left
// as it is.
func TestSystemErrorsSayWhatToDo(t *testing.T) {
	t.Parallel()
	s := &Store{root: "/repo", priv: "/repo/.git/wt-mcp"}
	at := func(cause error) error { return &fs.PathError{Op: "open", Path: "x", Err: cause} }
	for name, tc := range map[string]struct {
		err  error
		code state.Code
		hint string
	}{
		"a stranger reads":     {s.unreadable(at(syscall.EACCES)), state.ReadOnly, "core.sharedRepository"},
		"a stranger writes":    {s.unwritable(at(syscall.EACCES)), state.ReadOnly, "permissions of /repo"},
		"too many open files":  {s.unwritable(at(syscall.EMFILE)), state.Internal, "ulimit -n"},
		"no room":              {s.unwritable(at(syscall.ENOSPC)), state.Internal, "make room"},
		"a damaged disk reads": {s.unreadable(at(syscall.EIO)), state.Internal, ""},
	} {
		require.Equal(t, tc.code, state.CodeOf(tc.err), name)
		var known *state.Error
		require.Equal(t, tc.hint != "", errors.As(tc.err, &known), name)
		if known != nil {
			require.Contains(t, known.Hint, tc.hint, name)
		}
	}
}

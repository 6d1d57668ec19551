package git

import (
	"errors"
	"fmt"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// What the system told git is found in git's words, and nothing else is.
func TestErrorSaysWhatTheSystemTold(t *testing.T) {
	t.Parallel()
	for words, code := range map[string]syscall.Errno{
		"fatal: sha1 file '.git/objects/pack/tmp_pack_JjUZLY' write error. Out of diskspace": syscall.ENOSPC,
		"fatal: write error: No space left on device":                                        syscall.ENOSPC,
		"error: unable to write file: Disk quota exceeded":                                   syscall.EDQUOT,
		"fatal: Unable to create '.git/index.lock': Read-only file system":                   syscall.EROFS,
		"fatal: unable to open .git/config: Too many open files":                             syscall.EMFILE,
	} {
		err := fmt.Errorf("add: %w", &Error{Args: []string{"add"}, Stderr: words, Err: errors.New("exit status 128")})
		for _, other := range []syscall.Errno{syscall.ENOSPC, syscall.EDQUOT, syscall.EROFS, syscall.EMFILE, syscall.EACCES} {
			require.Equal(t, other == code, errors.Is(err, other), "%s, %s", words, other)
		}
	}
}

package git

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A heading of seven equals signs is no conflict; all three markers in their order are.
func TestConflictAt(t *testing.T) {
	for text, want := range map[string]int{
		"Title\n=======\n":                            0,
		"<<<<<<< a\n=======\n>>>>>>> b\n":             1,
		"x\n<<<<<<< a\n||||||| o\n=======\n>>>>>>> b": 2,
		">>>>>>> b\n=======\n<<<<<<< a\n":             0,
		"<<<<<<< a\n<<<<<<< b\n=======\n>>>>>>> c\n":  2,
	} {
		lines := bytes.Split([]byte(text), []byte("\n"))
		var marked []int
		for i := range lines {
			marked = append(marked, i+1)
		}
		require.Equal(t, want, conflictAt(lines, marked), text)
	}
	require.Zero(t, conflictAt(nil, []int{0, 5, -1}))
}

// A name with a line break, or that looks like what git says, is found whole.
func FuzzParseLeftover(f *testing.F) {
	f.Add("a\nb:1", 3)
	f.Add("x: leftover conflict marke", 1)
	f.Add(":", 70)
	f.Fuzz(func(t *testing.T, name string, n int) {
		if n < 1 || name == "" || strings.Contains(name, leftover) || strings.ContainsRune(name, 0) {
			return
		}
		out := name + ":" + strconv.Itoa(n) + leftover
		require.Equal(t, map[string][]int{name: {n, n}}, parseLeftover(out+out, []Change{{Path: "zz"}, {Path: name}}))
		parseLeftover(name, []Change{{Path: name}})
	})
}

// Invariant 8: a lock of somebody else's on the index, or a file that only looks like
// ours and is in use, stays, and no commit goes on beside it.
func TestCommitLeavesForeignLocks(t *testing.T) {
	g, r, a := newChanged(t)
	lock := filepath.Join(g.Dir, ".git", "worktrees", filepath.Base(a.Path), indexLock)
	require.NoError(t, os.WriteFile(lock, []byte("DIRC"), 0o644))
	_, err := r.OpenCommit(t.Context(), Committing{ID: "r-1", Path: a.Path, Message: "x"})
	require.ErrorIs(t, err, ErrBusy)
	require.FileExists(t, lock)
	require.NoError(t, os.Remove(lock))
	g.Git("config", "user.name", "a")
	g.Git("config", "user.email", "a@b")
	c, err := r.OpenCommit(t.Context(), Committing{ID: "r-1", Path: a.Path, Message: "x"})
	require.NoError(t, err)
	left, _, err := r.AbandonedCommit(t.Context(), a.Path, func(string) bool { return false })
	require.NoError(t, err)
	require.Nil(t, left, "its owner lives")
	require.False(t, r.LeftCommit(a.Path, func(string) bool { return false }))
	made, err := c.Settle(t.Context())
	require.NoError(t, err)
	require.Empty(t, made)
	c.Release()
	require.NoFileExists(t, lock)
}

package tools

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wt-mcp/state"
)

func listed(t *testing.T, b *Board, name string) ListedWorktree {
	t.Helper()
	out, err := b.WorktreeList(t.Context(), WorktreeListIn{})
	require.NoError(t, err)
	for _, w := range out.Worktrees {
		if w.Name == name {
			return w
		}
	}
	t.Fatalf("%s is not listed", name)
	return ListedWorktree{}
}

// The size comes some time after the creation, stands for a while, and is counted
// anew when it is old; no call waits for it.
func TestSizesAreCountedBehindTheCalls(t *testing.T) {
	b, repo := newBoard(t)
	w, err := b.WorktreeCreate(t.Context(), WorktreeCreateIn{Name: "lane"})
	require.NoError(t, err)
	b.shared.background.Wait()
	first := listed(t, b, "lane")
	require.NotNil(t, first.Bytes)
	require.Positive(t, *first.Bytes)
	require.Greater(t, first.AgeSeconds, 0.0)

	repo.Write(filepath.Join(w.Path, "large"), string(make([]byte, 1<<20)))
	b.shared.background.Wait()
	require.Equal(t, *first.Bytes, *listed(t, b, "lane").Bytes, "it stands")
	b.shared.background.Wait()
	old := `{"` + w.Path + `":{"bytes":1,"at":` + "1000" + `},"/gone":{"bytes":2,"at":1000}}`
	require.NoError(t, os.WriteFile(sizesPath(b), []byte(old), 0o600))
	require.Equal(t, int64(1), *listed(t, b, "lane").Bytes, "what is old is shown until it is counted anew")
	b.shared.background.Wait()
	require.Greater(t, *listed(t, b, "lane").Bytes, int64(1<<20))
	b.shared.background.Wait()
	require.NotContains(t, b.sizes(), "/gone")

	require.NoError(t, os.WriteFile(sizesPath(b), []byte("{"), 0o600))
	require.Nil(t, listed(t, b, "lane").Bytes, "a broken cache is none")
}

func TestReadOnlyBoardCountsNothing(t *testing.T) {
	b, _ := newBoard(t)
	_, err := b.WorktreeCreate(t.Context(), WorktreeCreateIn{Name: "lane"})
	require.NoError(t, err)
	b.shared.background.Wait()
	require.NoError(t, os.Remove(sizesPath(b)))
	b.ReadOnly = true
	require.Nil(t, listed(t, b, "lane").Bytes)
	b.shared.background.Wait()
	require.NoFileExists(t, sizesPath(b))
}

func TestLastActivityIsTheNewestThing(t *testing.T) {
	b, repo := newBoard(t)
	w, err := b.WorktreeCreate(t.Context(), WorktreeCreateIn{Name: "lane"})
	require.NoError(t, err)
	admin := repo.GitIn(w.Path, "rev-parse", "--absolute-git-dir")
	long := time.Now().Add(-time.Hour).Truncate(time.Second)
	age := func() {
		for _, name := range []string{w.Path, filepath.Join(admin, "index"), filepath.Join(admin, "HEAD"), filepath.Join(admin, "logs", "HEAD")} {
			require.NoError(t, os.Chtimes(name, long, long))
		}
	}
	w.CreatedAt = 1
	age()
	require.Equal(t, long, b.lastActivity(w.Worktree, nil).Truncate(time.Second).Local())
	repo.CommitIn(w.Path, "work")
	require.WithinDuration(t, time.Now(), b.lastActivity(w.Worktree, nil), time.Minute)
	age()
	run := float64(long.Unix() + 60)
	require.Equal(t, state.Time(run), b.lastActivity(w.Worktree, map[string]float64{"lane": run}))
}

func TestWordsForSizesAndTimes(t *testing.T) {
	for bytes, want := range map[int64]string{0: "0 B", 999: "999 B", 1000: "1.0 kB", 4_200_000: "4.2 MB", 9_960_000: "10 MB", 999_600: "1.0 MB", 218_000_000_000: "218 GB", 5e15: "5000 TB"} {
		require.Equal(t, want, size(bytes))
	}
	for d, want := range map[time.Duration]string{-time.Hour: "0 s ago", 59 * time.Second: "59 s ago", 3 * time.Hour: "3 h ago", 47 * time.Hour: "47 h ago", 80 * time.Hour: "3 d ago", 90 * time.Second: "1 min ago"} {
		require.Equal(t, want, ago(d))
	}
	for text, want := range map[string]time.Duration{"": time.Hour, "0s": 0, "30m": 30 * time.Minute, "7d": 168 * time.Hour, "2w": 336 * time.Hour} {
		got, err := parseAge(text)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	for _, text := range []string{"7", "d", "-1d", "1.5h", "1y", "70000d", "7 d"} {
		_, err := parseAge(text)
		require.Equal(t, state.InvalidArgument, state.CodeOf(err), text)
	}
}

func TestNameFromPathOrBranch(t *testing.T) {
	for from, want := range map[string]string{"/x/agent a3/": "agent-a3", "feature/login": "login", "wt/lane": "lane", ".hidden": "hidden", "/": "",
		"héllo": "h-llo", "a/HEAD": "HEAD", "x..y": "x..y"} {
		require.Equal(t, want, nameFrom(from), from)
	}
}

func sizesPath(b *Board) string { return filepath.Join(b.Git.CommonDir(), "wt-mcp", sizesFile) }

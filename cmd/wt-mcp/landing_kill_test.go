package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// Who dies while the target's files move, for several lanes at once, is followed by the
// next one: the target is before or after, and each lane is on it once in the end.
func TestHolderIsKilledDuringTheMove(t *testing.T) {
	t.Parallel()
	g := newHeld(t)
	home := filepath.Join(filepath.Dir(g.dir), "home", ".gitconfig")
	text, err := os.ReadFile(home)
	require.NoError(t, err)
	slow := fmt.Sprintf("[filter \"slow\"]\n\tsmudge = \"touch %s; sleep 0.5; cat\"\n\tclean = cat\n", g.beside("moving"))
	require.NoError(t, os.WriteFile(home, append(text, slow...), 0o644))
	g.write(".gitattributes", "slow* filter=slow\n")
	g.git("add", "-A")
	g.git("commit", "-q", "-m", "attributes")

	a, b := g.dial(false), g.dial(false)
	names := []string{"first", "of-a", "also-a", "of-b"}
	for i, name := range names {
		file := name
		if i == 1 {
			file = "slow"
		}
		g.lane(a, name, file, name)
	}
	_ = g.land(a, names[0])
	g.begun()
	_, _ = g.land(a, names[1]), g.land(a, names[2])
	waits := g.land(b, names[3])
	g.awaitWaiting(2)
	require.NoError(t, os.RemoveAll(g.beside("moving"))) // the check has laid it out too
	g.release()
	require.Eventually(t, func() bool { // of the main checkout: then first has landed
		_, err := os.Stat(g.beside("moving"))
		_, locked := os.Stat(g.path(".git", "index.lock"))
		return err == nil && locked == nil
	}, patience, 1e6)
	a.kill()
	require.Contains(t, []string{"landed", "nothing"}, field(t, g.end(b, waits), "status"))
	for _, name := range names[:3] {
		require.Contains(t, []string{"landed", "nothing"}, field(t, g.merge(b, fmt.Sprintf(`{"name":%q}`, name)), "status"), name)
	}
	g.landedOnce(names...)
	require.NoFileExists(t, g.path(".git", "index.lock"))
	require.Equal(t, "of-a", string(must(os.ReadFile(g.path("slow")))))
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

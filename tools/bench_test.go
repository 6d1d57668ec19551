package tools

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"wt-mcp/git"
	"wt-mcp/git/gittest"
	"wt-mcp/state"
	"wt-mcp/state/files"
)

// bigBoard is a board of n tasks of ordinary length, in memory where there is
// such a place: a third of each open status, most blocked by two others.
func bigBoard(b *testing.B, n int) *Board {
	b.Helper()
	repo := gittest.NewRepo(b)
	opened, err := git.Open(b.Context(), repo.Dir)
	require.NoError(b, err)
	root, err := os.MkdirTemp("/dev/shm", "wt-mcp-bench-")
	if err != nil {
		root = b.TempDir()
	}
	b.Cleanup(func() { _ = os.RemoveAll(root) })
	board := NewBoard(Parts{State: files.Open(files.Config{Root: root, Private: filepath.Join(root, ".private"), NoSync: true}),
		Git: opened, Log: slog.New(slog.DiscardHandler), Env: os.Environ()})
	b.Cleanup(board.Close)
	for id := 1; id <= n; id++ {
		blockers := ""
		if id > 100 {
			blockers = fmt.Sprintf(`, "blockedBy": [%d, %d]`, id/2, id-1)
		}
		put(b, board, id, fmt.Sprintf(`, "status": %q, "priority": %d, "owner": "agent-%d", "labels": ["auth", "backend"], "version": 1, `+
			`"description": "Move the session check into the middleware, keep the old cookie readable, and cover both with tests that run in CI. Part %d.",`+
			` "created_at": 1700000000.5, "updated_at": 1700000000.5%s`, state.Statuses()[id%3], id%5, id%7, id, blockers))
	}
	return board
}

// BenchmarkBoard measures calls on boards of several sizes, their results encoded.
func BenchmarkBoard(b *testing.B) {
	for _, n := range []int{10, 1_000, 10_000, 50_000} {
		board := bigBoard(b, n)
		middle := fmt.Sprint(n / 2)
		for _, c := range []struct {
			name string
			call func(context.Context) (any, error)
		}{
			{"list", func(ctx context.Context) (any, error) { return board.TaskList(ctx, TaskListIn{}) }},
			{"middle", func(ctx context.Context) (any, error) { return board.TaskList(ctx, TaskListIn{Cursor: middle}) }},
			{"ready", func(ctx context.Context) (any, error) { return board.TaskList(ctx, TaskListIn{Ready: true}) }},
			{"query", func(ctx context.Context) (any, error) {
				return board.TaskList(ctx, TaskListIn{Query: "cookie nowhere"})
			}},
			{"get", func(ctx context.Context) (any, error) { return board.TaskGet(ctx, TaskGetIn{TaskID: n/2 + 1}) }},
		} {
			b.Run(fmt.Sprintf("%d/%s", n, c.name), func(b *testing.B) {
				for b.Loop() {
					out, err := c.call(b.Context())
					require.NoError(b, err)
					_, err = json.Marshal(out)
					require.NoError(b, err)
				}
			})
		}
	}
}

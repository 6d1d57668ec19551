package state

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func FuzzTask(f *testing.F) {
	f.Add([]byte(`{"id":1,"subject":"s","description":"","status":"pending","owner":"","worktree":"","blockedBy":[],"created_at":1.5,"updated_at":1.5}`))
	f.Add([]byte(`{"id":1,"status":"completed","mine":{"a":[1,2.50]},"priority":0,"notes":[{"at":1,"actor":"x","text":"y"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		task, err := parseTask(1, data)
		if err != nil {
			return
		}
		out, err := file(task)
		require.NoError(t, err)
		again, err := parseTask(1, out)
		require.NoError(t, err, "%s", out)
		twice, err := file(again)
		require.NoError(t, err)
		require.Equal(t, string(out), string(twice), "writing is stable")
		requireKeys(t, data, out, taskKeys())
	})
}

// requireKeys checks that the keys which are not ours have gone from in to out.
func requireKeys(t *testing.T, in, out []byte, ours []string) {
	t.Helper()
	var before, after map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(in, &before))
	require.NoError(t, json.Unmarshal(out, &after))
	for _, key := range ours {
		delete(before, key)
	}
	for key, value := range before {
		require.JSONEq(t, string(value), string(after[key]), key)
	}
}

func FuzzIndex(f *testing.F) {
	f.Add([]byte(`{"worktrees":[{"name":"a","path":"/p","branch":"wt/a","task_id":null,"status":"removed","created_at":1,"removed_at":2}]}`))
	f.Add([]byte(`{"worktrees":[{"name":"A"},{"name":"a","status":"active","x":1}],"other":true}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		x, err := parseIndex(data)
		if err != nil {
			return
		}
		out, err := file(x)
		require.NoError(t, err)
		again, err := parseIndex(out)
		require.NoError(t, err)
		require.Len(t, again.Worktrees, len(x.Worktrees))
		x.put(Worktree{Name: "new", Status: Active})
		require.GreaterOrEqual(t, x.find("NEW"), 0)
	})
}

func FuzzVisible(f *testing.F) {
	f.Add("a\nb\x1b[31m\u202e")
	f.Fuzz(func(t *testing.T, s string) {
		out := Visible(s)
		require.Equal(t, out, Visible(out))
		for _, r := range out {
			require.False(t, Disguising(r), "%q", out)
		}
	})
}

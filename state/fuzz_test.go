package state

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func FuzzJournal(f *testing.F) {
	h := header{Gen: 7, Seq: 3, NextID: 2}
	whole, err := newJournal(h, 4096)
	require.NoError(f, err)
	after := "{}\n"
	rec, err := frame(7, Batch{Seq: 4, NextID: 3, Writes: []Write{{Path: ".tasks/task_2.json", After: &after}}})
	require.NoError(f, err)
	copy(whole[journalStart:], rec)
	f.Add(whole)
	f.Add(whole[:journalStart+len(rec)/2])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		p, ok := parseJournal(data)
		if !ok {
			return
		}
		require.Len(t, p.Offsets, len(p.Records))
		require.LessOrEqual(t, p.End, max(int64(len(data)), journalStart))
		if p.End > journalStart { // what was read is exactly what is there: cutting a byte off loses the last record only
			cut, ok := parseJournal(data[:p.End-1])
			require.True(t, ok)
			require.Len(t, cut.Records, len(p.Records)-1)
		}
	})
}

func FuzzMarker(f *testing.F) {
	f.Add(marker{Clean: true, Boot: "b", Gen: 1, End: 2048, Seq: 9, NextID: 4}.encode())
	f.Add([]byte("00000000 {}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, ok := parseMarker(data)
		if !ok {
			return
		}
		again, ok := parseMarker(m.encode())
		require.True(t, ok)
		require.Equal(t, m.Clean, again.Clean)
		require.Equal(t, m.Seq, again.Seq)
	})
}

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

func FuzzEventTail(f *testing.F) {
	one, two := json.RawMessage(`{"event":"a","seq":5}`), json.RawMessage(`{"event":"b","seq":6}`)
	f.Add([]byte("{\"event\":\"x\"}\n{\"event\":\"a\",\"seq\":5}\n{\"ev"))
	f.Add([]byte("\x00\x00\x00"))
	f.Add([]byte("garbage\n"))
	f.Fuzz(func(t *testing.T, tail []byte) {
		merged, cut := mergeEvents(tail, []json.RawMessage{one, two})
		require.True(t, bytes.HasSuffix(merged, []byte("\n")))
		require.NotContains(t, string(cut), "\n")
		again, more := mergeEvents(merged, []json.RawMessage{one, two})
		require.Empty(t, more)
		require.Equal(t, string(merged), string(again), "mending is stable")
		require.Contains(t, string(merged), `"seq":5`)
		require.Contains(t, string(merged), `"seq":6`)
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

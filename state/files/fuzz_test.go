package files

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"wt-mcp/state"
)

func FuzzJournal(f *testing.F) {
	h := header{Gen: 7, Seq: 3, NextID: 2}
	whole, err := newJournal(h, 4096)
	require.NoError(f, err)
	after := "{}\n"
	rec, err := frame(7, state.Batch{Seq: 4, NextID: 3, Writes: []state.Write{{Path: ".tasks/task_2.json", After: &after}}})
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

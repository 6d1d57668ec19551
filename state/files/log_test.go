package files

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"wt-mcp/state"
)

// randomLog is a log of several windows: stretches with sequence numbers, stretches of
// the original program's lines without, garbage, and some very long lines.
func randomLog(r *rand.Rand) (text string, last int64) {
	var b strings.Builder
	for range 2 + r.IntN(5) {
		numbered := r.IntN(3) > 0
		for range r.IntN(1500) {
			long := ""
			if r.IntN(400) == 0 {
				long = strings.Repeat("x", r.IntN(3*window))
			}
			switch name := []string{"One", "two", "thr\\u0065e"}[r.IntN(3)]; {
			case r.IntN(50) == 0:
				fmt.Fprintf(&b, "garbage \"seq\" %s\n", long)
			case numbered:
				last += 1 + int64(r.IntN(2))
				fmt.Fprintf(&b, `{"event":"task.updated","ts":1,"task":{"id":%d},"worktree":{"name":"%s"},"seq":%d,"actor":"%s"}`+"\n", r.IntN(30), name, last, long)
			default:
				fmt.Fprintf(&b, `{"event": "worktree.keep", "ts": 1.5, "task": {}, "worktree": {"name": "%s"}}`+"\n", name)
			}
		}
	}
	return b.String(), last
}

// everyLine reads every line.
func everyLine(text string) (all []state.Event) {
	for line := range strings.Lines(text) {
		e, ok := state.ParseEvent([]byte(strings.TrimSpace(line)))
		if !ok {
			e = state.Unreadable([]byte(line))
		}
		all = append(all, e)
	}
	return all
}

// wanted is what a query is to answer.
func wanted(all []state.Event, q state.EventQuery) (seqs []int64) {
	for _, e := range all {
		if (q.After == nil || e.Seq > *q.After) && q.Match(e) {
			seqs = append(seqs, e.Seq)
		}
	}
	if n := len(seqs); n > q.Limit && q.After == nil {
		return seqs[n-q.Limit:]
	} else if n > q.Limit {
		return seqs[:q.Limit]
	}
	return seqs
}

// Whatever is asked of whatever log, the answer is that of reading every line.
func TestReadLogFindsItsPlace(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 12 {
		s, root := newBoard(t)
		text, last := randomLog(r)
		require.NoError(t, os.MkdirAll(filepath.Join(root, state.WorktreesDir), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(root, state.EventsFile), []byte(text), 0o644))
		all := everyLine(text)
		for range 40 {
			q := randomQuery(r, last)
			p := readLog(t, s, q)
			got := []int64(nil)
			for _, e := range p.Events {
				got = append(got, e.Seq)
			}
			require.Equal(t, wanted(all, q), got, "%+v of a log of %d", q, len(text))
			require.Equal(t, last, p.LastSeq)
		}
	}
}

func randomQuery(r *rand.Rand, last int64) state.EventQuery {
	q := state.EventQuery{Limit: 1 + r.IntN(30), Match: func(state.Event) bool { return true }}
	if r.IntN(4) > 0 {
		q.After = after(r.Int64N(last + 2))
	}
	switch name := []string{"one", "THREE"}[r.IntN(2)]; r.IntN(3) {
	case 0:
		q.Words = []string{name}
		q.Match = func(e state.Event) bool { return strings.EqualFold(fmt.Sprint(e.Worktree["name"]), name) }
	case 1:
		q.Words = []string{"task.", "7"}
		q.Match = func(e state.Event) bool {
			return strings.HasPrefix(string(e.Event), "task.") && fmt.Sprint(e.Task["id"]) == "7"
		}
	}
	return q
}

func TestContainsFold(t *testing.T) {
	for word, want := range map[string]bool{"": true, "Lane": true, "LANE-1": true, "e-1": true, "lane-12": false, "1": true, "x": false} {
		require.Equal(t, want, containsFold([]byte("a lan lAne-1"), word), word)
	}
	require.False(t, slices.ContainsFunc([]string{"a", "A"}, func(w string) bool { return containsFold(nil, w) }))
}

// What a call reads of a long log: the place, and what it answers.
func BenchmarkReadLog(b *testing.B) {
	s, root := newBoard(b)
	create(b, s, "one")
	var text strings.Builder
	for seq := range 90_000 {
		fmt.Fprintf(&text, `{"event":"task.updated","ts":1785000000.123456,"task":{"id":%d,"version":3},"worktree":{},"seq":%d,"actor":"an-agent","detail":{"changed":["note"]}}`+"\n", seq%500+1, seq+10)
	}
	log := filepath.Join(root, state.EventsFile)
	require.NoError(b, os.WriteFile(log, []byte(text.String()), 0o644))
	all := func(state.Event) bool { return true }
	for name, q := range map[string]state.EventQuery{
		"newest":         {Limit: 20, Match: all},
		"after-middle":   {Limit: 20, After: after(45_000), Match: all},
		"task-with-none": {Limit: 20, Words: []string{"77777", "task."}, Match: func(state.Event) bool { return false }},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				require.NoError(b, s.View(b.Context(), func(v *state.View) error { _, err := v.ReadLog(q); return err }))
			}
		})
	}
}

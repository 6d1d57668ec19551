package state

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// graphOf is a board with the given blockers, all pending. Numbers without an
// entry are gaps.
func graphOf(blockedBy map[int][]int) *Tasks {
	var all []TaskFile
	for id, b := range blockedBy {
		all = append(all, TaskFile{ID: id, Task: &TaskSummary{ID: id, Status: Pending, BlockedBy: b, Priority: DefaultPriority}})
	}
	slices.SortFunc(all, func(a, b TaskFile) int { return a.ID - b.ID })
	return (&Tasks{}).With(all)
}

func TestGraph(t *testing.T) {
	g := graphOf(map[int][]int{1: nil, 2: {1}, 3: {2, 9}, 5: {3, 3}, 6: {4}, 7: {8}})
	g = g.With([]TaskFile{{ID: 4, Problem: &Problem{File: "4"}}, {ID: 8, Task: &TaskSummary{ID: 8, Status: Completed}},
		{ID: 10, Task: &TaskSummary{ID: 10, Status: Deleted, BlockedBy: []int{1}}}})
	require.Equal(t, []int{2}, g.OpenBlockers([]int{2, 8, 9, 10}), "completed, missing and deleted ones block nothing")
	require.Equal(t, []int{4}, g.OpenBlockers([]int{4}), "one that cannot be read blocks")
	require.Equal(t, []int{2}, g.Blocks(1))
	require.Empty(t, g.Blocks(6))
	require.Equal(t, []int{1, 5, 3, 2, 1}, g.Cycle(1, []int{6, 5}))
	require.Equal(t, []int{1, 1}, g.Cycle(1, []int{1}))
	require.Equal(t, []int{12, 12}, g.Cycle(12, []int{1, 12}), "a task that is not there yet")
	require.Nil(t, g.Cycle(6, []int{5, 1, 77}))
	require.Nil(t, g.Cycle(1, []int{10}))
	ready := g.Ready(func(s *TaskSummary) bool { return s.ID == 1 })
	require.Len(t, ready, 1)
	require.Equal(t, 7, ready[0].ID)
}

func TestCircles(t *testing.T) {
	require.Empty(t, graphOf(map[int][]int{1: nil, 2: {1}, 3: {1, 2}, 4: {3, 2, 99}}).Circles())
	g := graphOf(map[int][]int{1: {2}, 2: {3, 9}, 3: {1}, 4: {4}, 5: {1}, 6: {7}, 7: {6}, 8: {10}, 10: {11}})
	g = g.With([]TaskFile{{ID: 7, Task: &TaskSummary{ID: 7, Status: Completed, BlockedBy: []int{6}}},
		{ID: 11, Problem: &Problem{File: "11"}}})
	require.Equal(t, [][]int{{1, 2, 3, 1}, {4, 4}}, g.Circles(), "a completed task waits for nobody")

	chain := map[int][]int{1: {20_000}}
	for id := 2; id <= 20_000; id++ {
		chain[id] = []int{id - 1}
	}
	circles := graphOf(chain).Circles()
	require.Len(t, circles, 1)
	require.Len(t, circles[0], 20_001)
}

func TestReadyOrder(t *testing.T) {
	var rs []TaskFile
	for i, p := range []int{2, 0, 4, 0, 99, -5, 2} {
		rs = append(rs, TaskFile{ID: i + 1, Task: &TaskSummary{ID: i + 1, Status: Pending, Priority: p}})
	}
	var got []int
	for _, s := range (&Tasks{}).With(rs).Ready(func(*TaskSummary) bool { return false }) {
		got = append(got, s.ID)
	}
	require.Equal(t, []int{2, 4, 6, 1, 7, 3, 5}, got)
}

// with is what replaces entries; it is held against a map.
func TestWithIsAMap(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	tasks, want := &Tasks{}, map[int]TaskFile{}
	for range 2000 {
		var changed []TaskFile
		for id := 1; id < 30; id++ {
			if r.IntN(8) > 0 {
				continue
			}
			next := TaskFile{ID: id}
			switch r.IntN(3) {
			case 0:
				next.Task = &TaskSummary{ID: id}
			case 1:
				next.Problem = &Problem{File: fmt.Sprint(id)}
			}
			changed, want[id] = append(changed, next), next
		}
		before := slices.Clone(tasks.All)
		old := tasks
		tasks = tasks.With(changed)
		require.Equal(t, before, old.All, "what was given out stays")
		n := 0
		for id := 1; id < 30; id++ {
			found, ok := tasks.Find(id)
			require.Equal(t, want[id].Task != nil, ok)
			require.True(t, !ok || found == want[id].Task)
			require.Equal(t, want[id].Problem != nil, tasks.unreadable(id))
			if ok {
				n++
			}
		}
		require.Len(t, tasks.All, n)
		require.Len(t, tasks.Problems, len(tasks.broken))
	}
}

const large = 10_000

// shapes are boards on which a careless walk is quadratic or too deep.
func shapes() map[string]*Tasks {
	chain, star, fan := map[int][]int{1: nil}, map[int][]int{1: nil}, map[int][]int{}
	for id := 2; id <= large; id++ {
		chain[id], star[id] = []int{id - 1}, []int{1}
		fan[id] = nil
		fan[1] = append(fan[1], id)
	}
	return map[string]*Tasks{"chain": graphOf(chain), "star": graphOf(star), "fan": graphOf(fan)}
}

func TestLargeGraphs(t *testing.T) {
	g := shapes()
	require.Len(t, g["chain"].Cycle(1, []int{large}), large+1)
	require.Nil(t, g["chain"].Cycle(large+1, []int{large}))
	require.Len(t, g["star"].Blocks(1), large-1)
	require.Equal(t, []int{1, large, 1}, g["star"].Cycle(1, []int{large}))
	require.Len(t, g["fan"].OpenBlockers(g["fan"].All[0].BlockedBy), large-1)
	require.Equal(t, []int{large, 1, large}, g["fan"].Cycle(large, []int{1}))
	nobody := func(*TaskSummary) bool { return false }
	require.Len(t, g["chain"].Ready(nobody), 1)
	require.Len(t, g["star"].Ready(nobody), 1)
	require.Len(t, g["fan"].Ready(nobody), large-1)
}

func BenchmarkGraph(b *testing.B) {
	for name, g := range shapes() {
		b.Run(name+"/ready", func(b *testing.B) {
			for b.Loop() {
				g.Ready(func(*TaskSummary) bool { return false })
			}
		})
		b.Run(name+"/cycle", func(b *testing.B) {
			for b.Loop() {
				g.Cycle(1, []int{large})
			}
		})
		b.Run(name+"/blocks", func(b *testing.B) {
			for b.Loop() {
				g.Blocks(1)
			}
		})
	}
}

func TestSearchText(t *testing.T) {
	task := Task{Subject: "Über", Description: strings.Repeat("ä", 2000), Notes: []Note{{Text: "The End"}}}
	s := summarize(task)
	require.True(t, s.more)
	require.LessOrEqual(t, len(s.text), searchable)
	require.True(t, strings.HasPrefix(s.text, "über\nää"))
	require.NotContains(t, s.text, "\ufffd")
	s = summarize(Task{Subject: "A", Description: "B", Notes: []Note{{Text: "C"}, {Text: "D"}},
		Attempts: []Attempt{{Outcome: "expired"}, {Outcome: "released"}, {Outcome: "overridden"}, {}}})
	require.Equal(t, "a\nb\nc\nd", s.text)
	require.False(t, s.more)
	require.Equal(t, 2, s.Lost)
}

// The pairs never deny a word that is there.
func TestPairsAreOfTheText(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 2000 {
		text := make([]byte, 1+r.IntN(60))
		for i := range text {
			text[i] = byte(r.UintN(256))
		}
		from := r.IntN(len(text))
		to := from + r.IntN(len(text)-from+1)
		var whole, part pairs
		whole.add(string(text))
		part.add(string(text[from:to]))
		require.True(t, whole.contain(&part))
	}
	var some, other pairs
	some.add("cookie")
	other.add("zebra")
	require.False(t, some.contain(&other))
}

//go:build linux

package torture_test

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"
)

// Invariants 1, 2 and 4 as one question: is there an order of all updates and
// reads of a task, by 8 servers that are killed all the time, in which each call
// takes effect at one instant between its beginning and its answer? A call that
// was cut off may take effect at any time after its beginning, or never.
//
// Each call that was cut off doubles what the checker may have to try, so the
// long form has more rounds, not longer ones.
func TestTasksAreLinearizable(t *testing.T) {
	const round = 3 * time.Second
	for n := range max(1, int(duration(round, time.Minute)/round)) {
		h, k := record(t, n, round)
		began := time.Now()
		verdict := porcupine.CheckOperationsTimeout(model(), h.ops, patience)
		t.Logf("round %d: %d operations, %d of them cut off by %d kills: %s after %v", n, len(h.ops), h.cut, k.alone+k.family, verdict, time.Since(began).Round(time.Millisecond))
		require.Equal(t, porcupine.Ok, verdict)
		require.True(t, h.noticesALoss(), "the check must be able to fail")
	}
}

// record lets 8 servers work on a few tasks, and kills them.
func record(t *testing.T, n int, d time.Duration) (*history, kills) {
	const processes, tasks = 8, 6
	r := newRepo(t)
	s := r.open()
	for i := range tasks {
		s.must(t, "task_create", args{"subject": fmt.Sprint(i + 1)})
	}
	r.close(s)
	h := &history{began: time.Now()}
	stop := make(chan struct{})
	var group sync.WaitGroup
	var victims []*undying
	for i := range processes {
		u, rng, known := &undying{r: r}, random(t, 1000*n+i), map[int]int{}
		victims = append(victims, u)
		group.Go(func() { u.live(t, stop, func(s *server) error { return h.step(s, i, 1+rng.IntN(tasks), rng, known) }) })
	}
	k := killSome(victims, d, random(t, 1000*n+100))
	close(stop)
	group.Wait()
	for id, x := range r.requireSound().tasks {
		h.add(processes, time.Now(), request{task: id}, answered{version: x.Version, status: x.Status, owner: x.Owner, note: lastNote(x)})
	}
	return h, k
}

// request is what a client asked of a task; with nothing to change it is a read.
type request struct {
	task      int
	ifVersion int // 0: none
	note      string
	owner     string
	status    string
}

func (q request) reads() bool { return q.note == "" && q.owner == "" && q.status == "" }

// answered is what it was told. An update's answer may have left notes out.
type answered struct {
	unknown, refused bool
	version          int
	status, owner    string
	note             string // the newest
}

// register is what a task is between two calls.
type register struct {
	version       int
	status, owner string
	note          string
}

// partition takes the operations of each task by themselves.
func partition(taskOf func(input any) int) func([]porcupine.Operation) [][]porcupine.Operation {
	return func(all []porcupine.Operation) [][]porcupine.Operation {
		byTask := map[int][]porcupine.Operation{}
		for _, op := range all {
			id := taskOf(op.Input)
			byTask[id] = append(byTask[id], op)
		}
		return slices.Collect(maps.Values(byTask))
	}
}

// model is the task as it should be, seen by itself.
func model() porcupine.Model {
	return porcupine.Model{
		Partition: partition(func(input any) int { return input.(request).task }),
		Init:      func() any { return register{version: 1, status: "pending"} },
		Step: func(state, input, output any) (bool, any) {
			return step(state.(register), input.(request), output.(answered))
		},
	}
}

func step(was register, q request, a answered) (bool, register) {
	if q.reads() {
		return a.unknown || register{a.version, a.status, a.owner, a.note} == was, was
	}
	if q.ifVersion != 0 && q.ifVersion != was.version {
		return a.unknown || a.refused, was
	}
	is := was
	is.version++
	if q.note != "" {
		is.note = q.note
	}
	if q.owner != "" {
		is.owner = q.owner
	}
	if q.status != "" {
		is.status = q.status
	}
	told := !a.refused && a.version == is.version && a.status == is.status && a.owner == is.owner
	return a.unknown || told, is
}

// history collects operations.
type history struct {
	began time.Time
	mu    sync.Mutex
	ops   []porcupine.Operation
	cut   int
}

// step makes one call and notes when it began and ended.
func (h *history) step(s *server, client, id int, rng *rand.Rand, known map[int]int) error {
	q, a := request{task: id}, args{"task_id": id}
	tool := "task_update"
	switch rng.IntN(5) {
	case 0:
		tool = "task_get"
	case 1:
		q.note = fmt.Sprintf("note-%d-%d", client, time.Since(h.began))
		a["note"] = q.note
	case 2:
		q.owner = fmt.Sprintf("owner-%d-%d", client, rng.IntN(1000))
		a["owner"] = q.owner
	case 3:
		q.status = []string{"pending", "in_progress"}[rng.IntN(2)]
		a["status"] = q.status
	case 4:
		q.note = fmt.Sprintf("note-%d-%d", client, time.Since(h.began))
		a["note"] = q.note
		if q.ifVersion = known[id]; q.ifVersion != 0 {
			a["if_version"] = q.ifVersion
		}
	}
	began := time.Now()
	out, err := s.call(tool, a)
	if err != nil {
		if !q.reads() {
			h.add(client, began, q, answered{unknown: true})
		}
		return err
	}
	if out.Code != "" && out.Code != "conflict" {
		return fmt.Errorf("%s: %s", tool, out.Text)
	}
	x := as[task](out)
	if out.Code == "" {
		known[id] = x.Version
	}
	h.add(client, began, q, answered{refused: out.Code != "", version: x.Version, status: x.Status, owner: x.Owner, note: lastNote(x)})
	return nil
}

func (h *history) add(client int, began time.Time, q request, a answered) {
	h.mu.Lock()
	defer h.mu.Unlock()
	op := porcupine.Operation{ClientId: client, Input: q, Output: a, Call: began.Sub(h.began).Nanoseconds(), Return: time.Since(h.began).Nanoseconds()}
	if a.unknown {
		op.Return = math.MaxInt64
		h.cut++
	}
	h.ops = append(h.ops, op)
}

// noticesALoss reports whether the check refuses the history with an update that
// was acknowledged and then lost. A call that was cut off may stand in for one, so
// several are tried.
func (h *history) noticesALoss() bool {
	const most = 30
	tried := 0
	for i, op := range h.ops {
		if a := op.Output.(answered); op.Input.(request).reads() || a.unknown || a.refused {
			continue
		}
		without := slices.Concat(h.ops[:i], h.ops[i+1:])
		if porcupine.CheckOperationsTimeout(model(), without, patience) == porcupine.Illegal {
			return true
		}
		if tried++; tried == most {
			return false
		}
	}
	return false
}

func lastNote(t task) string {
	if len(t.Notes) == 0 {
		return ""
	}
	return t.Notes[len(t.Notes)-1].Text
}

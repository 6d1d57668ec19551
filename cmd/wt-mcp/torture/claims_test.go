//go:build linux

package torture_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type claimed struct {
	Task           task
	Claim          string
	LeaseExpiresAt float64 `json:"lease_expires_at"`
}

// Invariant 6: 8 processes race for one task, over and over. One wins each time,
// the others are told so, and the task's file says what the winner was told.
func TestClaimRaces(t *testing.T) {
	const processes = 8
	races := either(150, 1000)
	r := newRepo(t)
	servers := r.opens(processes)
	for n := range races {
		servers[0].must(t, "task_create", args{"subject": fmt.Sprintf("race %d", n+1)})
	}
	var lost atomic.Int64
	began := time.Now()
	for race := 1; race <= races; race++ {
		var winners sync.Map
		var won atomic.Int64
		each(servers, func(i int, s *server) {
			owner := fmt.Sprintf("racer-%d", i)
			out, err := s.call("task_claim", args{"task_id": race, "owner": owner})
			switch {
			case !assert.NoError(t, err):
			case out.Code == "":
				won.Add(1)
				winners.Store(owner, true)
			case assert.Equal(t, "claim_held", out.Code, out.Text):
				lost.Add(1)
			}
		})
		require.EqualValues(t, 1, won.Load(), "winners of race %d", race)
		x := as[task](servers[0].must(t, "task_get", args{"task_id": race}))
		_, told := winners.Load(x.Owner)
		require.True(t, told, "task %d belongs to %s, who was not told so", race, x.Owner)
	}
	t.Logf("%d races of %d processes: %d winners, %d told who has it, %.1f ms a race", races, processes, races, lost.Load(), time.Since(began).Seconds()*1e3/float64(races))
	r.close(servers...)
	r.requireSound()
}

// Invariant 6: 8 processes empty the queue. Every task goes to one of them, the
// most urgent first.
func TestReadyQueueIsEmptiedOnce(t *testing.T) {
	const processes = 8
	tasks := either(120, 1000)
	r := newRepo(t)
	servers := r.opens(processes)
	for n := range tasks {
		servers[0].must(t, "task_create", args{"subject": fmt.Sprint(n), "priority": n % 5})
	}
	var taken sync.Map
	var count atomic.Int64
	each(servers, func(i int, s *server) {
		for last := 0; ; {
			out, err := s.call("task_claim", args{"owner": fmt.Sprint(i)})
			if !assert.NoError(t, err) || out.Code == "not_found" {
				return
			}
			if !assert.Empty(t, out.Code, out.Text) {
				return
			}
			got := as[claimed](out).Task
			_, twice := taken.LoadOrStore(got.ID, i)
			assert.False(t, twice, "task %d was given out twice", got.ID)
			count.Add(1)
			assert.GreaterOrEqual(t, (got.ID-1)%5, last, "a less urgent task came first")
			last = (got.ID - 1) % 5
		}
	})
	require.EqualValues(t, tasks, count.Load())
	r.close(servers...)
	r.requireSound()
}

// Invariant 6: a holder that is killed keeps its task as long as the lease goes on, and no
// longer; when it comes back it changes nothing.
func TestKilledHolderLosesItsTask(t *testing.T) {
	const lease = 1500 * time.Millisecond
	r := newRepo(t)
	a, b := r.open(), r.open()
	a.must(t, "task_create", args{"subject": "one"})
	began := time.Now()
	token := as[claimed](a.must(t, "task_claim", args{"task_id": 1, "owner": "alice", "lease_seconds": lease.Seconds()})).Claim
	a.killFamily()
	refused := 0
	for {
		out, err := b.call("task_claim", args{"task_id": 1, "owner": "bob"})
		require.NoError(t, err)
		if out.Code == "" {
			break
		}
		require.Equal(t, "claim_held", out.Code, out.Text)
		refused++
		require.Less(t, time.Since(began), patience, "the lease has no end")
		time.Sleep(10 * time.Millisecond)
	}
	require.GreaterOrEqual(t, time.Since(began), lease, "it was taken while the lease went on")
	require.NotZero(t, refused)
	t.Logf("lease of %v: claimable %v after the claim, refused %d times before", lease, time.Since(began).Round(time.Millisecond), refused)
	zombie := r.open()
	before := r.read(".tasks", "task_1.json")
	for tool, a := range map[string]args{
		"task_update": {"task_id": 1, "status": "completed", "claim": token},
		"task_claim":  {"claim": token},
	} {
		out, err := zombie.call(tool, a)
		require.NoError(t, err)
		require.Equal(t, "claim_lost", out.Code, out.Text)
		require.Contains(t, out.Text, "bob")
	}
	require.Equal(t, before, r.read(".tasks", "task_1.json"))
	r.close(b, zombie)
	o := r.requireSound()
	var told bool
	for _, e := range o.events {
		told = told || e.Event == "task.expired"
	}
	require.True(t, told, "the end of the lease is told")
}

// Invariant 6: a run keeps the claim alive for as long as it goes on.
func TestRunKeepsTheClaimAlive(t *testing.T) {
	r := newRepo(t)
	a, b := r.open(), r.open()
	a.must(t, "task_create", args{"subject": "one"})
	token := as[claimed](a.must(t, "task_claim", args{"task_id": 1, "lease_seconds": 1})).Claim
	a.must(t, "worktree_create", args{"name": "lane", "task_id": 1})
	run := as[struct {
		RunID string `json:"run_id"`
	}](a.must(t, "worktree_run", args{"name": "lane", "command": "sleep 3", "wait_seconds": 0, "claim": token})).RunID
	for going := true; going; {
		out, err := b.call("task_claim", args{"task_id": 1})
		require.NoError(t, err)
		status := as[struct{ Status string }](a.must(t, "run_output", args{"run_id": run})).Status
		if going = status == "running"; going {
			require.Equal(t, "claim_held", out.Code, out.Text)
			time.Sleep(50 * time.Millisecond)
		}
	}
	a.must(t, "task_update", args{"task_id": 1, "note": "the lease began anew at the end of the run", "claim": token})
	r.close(a, b)
}

// What a client did to a claim.
type claimStep struct {
	do     string // claim, write, release, override
	number string // the token that it passed, or that it was given
}

type claimAnswer struct{ unknown, refused bool }

// Invariant 6 as one question: is there an order of all claims, writes, releases
// and overrides by 8 servers that are killed all the time, in which a task has one
// holder at a time and only its holder changes it?
func TestClaimsAreLinearizable(t *testing.T) {
	const round = 3 * time.Second
	for n := range max(1, int(duration(round, time.Minute)/round)) {
		h := recordClaims(t, n, round)
		verdict := porcupine.CheckOperationsTimeout(claimModel(), h.ops, patience)
		t.Logf("round %d: %d operations, %d cut off, %d won, %d refused: %s", n, len(h.ops), h.cut, h.won, h.refused, verdict)
		require.Equal(t, porcupine.Ok, verdict)
		require.NotZero(t, h.won)
		require.NotZero(t, h.refused)
		require.Equal(t, porcupine.Illegal, porcupine.CheckOperationsTimeout(claimModel(), h.spoilt(), patience), "the check must be able to fail")
	}
}

type claimHistory struct {
	began             time.Time
	mu                sync.Mutex
	ops               []porcupine.Operation
	cut, won, refused int
}

type claimInput struct {
	task int
	claimStep
}

func recordClaims(t *testing.T, n int, d time.Duration) *claimHistory {
	const processes, tasks = 8, 4
	r := newRepo(t)
	s := r.open()
	for i := range tasks {
		s.must(t, "task_create", args{"subject": fmt.Sprint(i + 1)})
	}
	r.close(s)
	h := &claimHistory{began: time.Now()}
	stop := make(chan struct{})
	var group sync.WaitGroup
	var victims []*undying
	for i := range processes {
		u, rng, tokens := &undying{r: r}, random(t, 1000*n+i+50), map[int][]string{}
		victims = append(victims, u)
		group.Go(func() { u.live(t, stop, func(s *server) error { return h.step(s, i, 1+rng.IntN(tasks), rng, tokens) }) })
	}
	group.Go(func() { h.override(t, r, processes, tasks, random(t, 1000*n+90), stop) })
	killSome(victims, d, random(t, 1000*n+99))
	close(stop)
	group.Wait()
	r.requireSound()
	return h
}

func (h *claimHistory) step(s *server, client, id int, rng *rand.Rand, tokens map[int][]string) error {
	step, a, tool := claimStep{do: "claim"}, args{"task_id": id, "lease_seconds": 3600}, "task_claim"
	if mine := tokens[id]; len(mine) > 0 && rng.IntN(3) > 0 {
		step = claimStep{do: "write", number: mine[max(0, len(mine)-1-rng.IntN(2))]}
		tool, a = "task_update", args{"task_id": id, "note": fmt.Sprintf("note-%d-%d", client, time.Since(h.began)), "claim": step.number}
		if rng.IntN(3) == 0 {
			step.do, tool, a = "release", "task_claim", args{"claim": step.number, "release": true}
		}
	}
	began := time.Now()
	out, err := s.call(tool, a)
	if err != nil {
		h.add(client, began, id, step, claimAnswer{unknown: true})
		return err
	}
	if out.Code != "" && out.Code != "claim_held" && out.Code != "claim_lost" {
		return fmt.Errorf("%s: %s", tool, out.Text)
	}
	if step.do == "claim" && out.Code == "" {
		step.number = as[claimed](out).Claim
		tokens[id] = append(tokens[id], step.number)
	}
	h.add(client, began, id, step, claimAnswer{refused: out.Code != ""})
	return nil
}

// override is a person who ends claims now and then; else those of the killed
// would stay, and nothing would happen any more.
func (h *claimHistory) override(t *testing.T, r *repo, client, tasks int, rng *rand.Rand, stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		case <-time.After(20 * time.Millisecond):
		}
		id, began := 1+rng.IntN(tasks), time.Now()
		cmd := exec.Command(*program, "task", "release", fmt.Sprint(id), "--force")
		cmd.Dir = r.dir
		out, err := cmd.CombinedOutput()
		if err != nil && !assert.Contains(t, string(out), "error[conflict]: nobody holds") {
			return
		}
		h.add(client, began, id, claimStep{do: "override"}, claimAnswer{refused: err != nil})
	}
}

func (h *claimHistory) add(client int, began time.Time, id int, s claimStep, a claimAnswer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	op := porcupine.Operation{ClientId: client, Input: claimInput{id, s}, Output: a, Call: began.Sub(h.began).Nanoseconds(), Return: time.Since(h.began).Nanoseconds()}
	switch {
	case a.unknown:
		op.Return = math.MaxInt64
		op.Input = claimInput{id, claimStep{s.do, s.number + fmt.Sprint("?", len(h.ops))}}
		if s.do != "claim" {
			op.Input = claimInput{id, s}
		}
		h.cut++
	case a.refused:
		h.refused++
	case s.do == "claim":
		h.won++
	}
	h.ops = append(h.ops, op)
}

// spoilt is the history with a release taken out after which somebody else won.
func (h *claimHistory) spoilt() []porcupine.Operation {
	var ops []porcupine.Operation
	for _, op := range h.ops {
		in := op.Input.(claimInput)
		if in.do == "override" || in.do == "release" {
			continue
		}
		ops = append(ops, op)
	}
	return ops
}

// claimModel is one task: the token of its holder, "" where it has none.
func claimModel() porcupine.Model {
	return porcupine.Model{
		Partition: partition(func(input any) int { return input.(claimInput).task }),
		Init:      func() any { return "" },
		Step: func(state, input, output any) (bool, any) {
			is, allowed := claimRule(state.(string), input.(claimInput).claimStep)
			a := output.(claimAnswer)
			return a.unknown || a.refused != allowed, is
		},
	}
}

// claimRule says who holds the task after a step, and whether the step is allowed.
func claimRule(holder string, s claimStep) (is string, allowed bool) {
	switch s.do {
	case "claim":
		if holder != "" {
			return holder, false
		}
		return s.number, true
	case "override":
		return "", holder != ""
	case "release":
		if holder == s.number {
			return "", true
		}
		return holder, false
	}
	return holder, holder == s.number && !strings.Contains(holder, "?")
}

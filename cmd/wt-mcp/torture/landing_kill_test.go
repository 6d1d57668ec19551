//go:build linux

package torture_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Invariants 1, 5, 7, 8 and 13: four servers land lanes in the branch that the user has
// checked out, with files open there; one after the other is killed at a random instant,
// alone or with its git, while it lands or while it recovers what another one left. What
// was acknowledged is on the target once, lane, task, record and event agree, no lock is
// left, and the user's files are as they were.
func TestKilledLandings(t *testing.T) {
	r := newRepo(t)
	r.must("task_create", args{"subject": "first"})
	d := r.dirty()
	y := &landers{r: r, codes: map[string]int{}}
	for i := range 4 {
		y.all = append(y.all, &lander{y: y, n: i, rng: random(t, i), undying: undying{r: r}})
	}
	k := y.work(t, duration(5*time.Second, 2*time.Minute))
	require.Empty(t, d.changed())
	o, _ := r.recovered(y.names...)
	o.checkLandings("main", y.names)
	o.fsck()
	r.onlyForward("main")
	t.Logf("%d kills (%d with all children): %d lanes, %d landings acknowledged, refusals %v, %d inconsistencies", k.alone+k.family, k.family, len(y.names), len(y.landed), y.codes, len(o.faults))
	require.Empty(t, o.faults)
	d.require(t)
	log := "\n" + r.git("log", "--no-merges", "--format=%s", "main") + "\n"
	for _, name := range y.landed {
		require.Contains(t, log, "\n"+name+"\n", "it was acknowledged")
	}
	for code := range y.codes {
		require.Contains(t, []string{"busy", "in_use", "not_found", "already_exists"}, code)
	}
	s := r.open()
	r.work(s, "next")
	s.must(t, "worktree_merge", args{"name": "next", "complete_task": true, "remove": true})
	r.close(s)
	d.require(t)
}

// landers keep what was acknowledged.
type landers struct {
	r   *repo
	all []*lander

	mu     sync.Mutex
	names  []string // of lanes that may have come to be
	landed []string
	codes  map[string]int
}

func (y *landers) work(t *testing.T, d time.Duration) kills {
	stop := make(chan struct{})
	var group sync.WaitGroup
	var victims []*undying
	for _, l := range y.all {
		group.Go(func() { l.live(t, stop, func(*server) error { return l.step() }) })
		victims = append(victims, &l.undying)
	}
	k := killSome(victims, d, random(t, 100))
	close(stop)
	group.Wait()
	return k
}

// lander makes one lane after the other, and lands it; what is cut off it does again.
type lander struct {
	y     *landers
	n     int
	rng   *rand.Rand
	count int
	name  string // of the lane
	task  int    // 0 where it has none yet
	ready bool   // its commit is made

	undying
}

func (l *lander) step() error {
	switch {
	case l.task == 0:
		return l.begin()
	case !l.ready:
		return l.commit()
	}
	return l.land()
}

// tell makes a call; refused is the code of an error.
func (l *lander) tell(tool string, a args) (out reply, refused string, err error) {
	out, err = l.current().call(tool, a)
	if err == nil && out.Code != "" {
		l.y.mu.Lock()
		defer l.y.mu.Unlock()
		l.y.codes[out.Code]++
		if out.Code != "busy" && out.Code != "in_use" && out.Code != "not_found" && out.Code != "already_exists" {
			l.y.r.t.Logf("%s %v: %s", tool, a, out.Text)
		}
	}
	return out, out.Code, err
}

// begin takes another name each time: a task whose creation was cut off may be there.
func (l *lander) begin() error {
	l.count++
	l.name = fmt.Sprintf("lane-%d-%d", l.n, l.count)
	out, refused, err := l.tell("task_create", args{"subject": l.name})
	if err == nil && refused == "" {
		l.task, l.ready = as[task](out).ID, false
		l.y.mu.Lock()
		l.y.names = append(l.y.names, l.name)
		l.y.mu.Unlock()
	}
	return err
}

func (l *lander) commit() error {
	_, refused, err := l.tell("worktree_create", args{"name": l.name, "task_id": l.task})
	if err != nil || refused != "" && refused != "already_exists" {
		return err
	}
	if _, err := os.Stat(l.y.r.path(".worktrees", l.name, ".git")); err != nil {
		return nil // a creation that was cut off is taken back, and may be made again
	}
	l.ready = true
	return l.y.r.commitIn(l.name)
}

func (l *lander) land() error {
	strategy := []string{"merge", "squash", "rebase"}[l.rng.IntN(3)]
	_, refused, err := l.tell("worktree_merge", args{"name": l.name, "strategy": strategy, "complete_task": true, "remove": l.rng.IntN(2) == 0})
	if errors.Is(err, errGone) {
		return err
	}
	if refused == "" || refused == "not_found" { // it landed, and was removed, before the answer was cut off
		l.y.mu.Lock()
		l.y.landed = append(l.y.landed, l.name)
		l.y.mu.Unlock()
		l.task = 0
	}
	return err
}

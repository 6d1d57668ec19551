//go:build linux

package torture_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Invariants 1 to 5 and 7: eight servers work, one after the other is killed at
// a random instant, alone or with all that it started, and a new one takes its
// place. Whatever was acknowledged is there; what was not has happened wholly or
// not at all.
func TestKilledServers(t *testing.T) {
	const processes, phases = 8, 2
	r := newRepo(t)
	h := &hospital{r: r, subjects: map[string]int{}, notes: map[string]int{}}
	for i := range processes {
		h.workers = append(h.workers, &worker{h: h, n: i, rng: random(t, i), lanes: map[string]*lane{}, undying: undying{r: r}})
	}
	var all []string
	var litter []string
	for phase := range phases {
		kills := h.phase(t, duration(10*time.Second, 2*time.Minute)/phases, random(t, 100+phase))
		o, faults := r.recovered(h.names()...)
		faults = append(faults, h.check(o)...)
		t.Logf("phase %d: %d kills (%d with all children), %d calls answered, %d cut off; %d tasks, %d events, %d worktrees live, %d inconsistencies",
			phase, kills.alone+kills.family, kills.family, h.answered, h.cut, len(o.tasks), len(o.events), len(o.trees), len(faults))
		all, litter = append(all, faults...), o.litter
	}
	h.log(t)
	require.Empty(t, all)
	require.Empty(t, litter, "files in .git/wt-mcp/ops that belong to no operation and that nobody will ever remove")
}

// hospital keeps what was acknowledged.
type hospital struct {
	r       *repo
	workers []*worker

	mu       sync.Mutex
	subjects map[string]int // of tasks: id if acknowledged, 0 if cut off
	notes    map[string]int // id of the task, negative if cut off
	ids      []int
	commits  []string
	files    []string // names of untracked files, each unique
	codes    map[string]int
	answered int
	cut      int
}

// phase lets everybody work, and kills.
func (h *hospital) phase(t *testing.T, d time.Duration, rng *rand.Rand) (k kills) {
	stop := make(chan struct{})
	var group sync.WaitGroup
	for _, w := range h.workers {
		group.Go(func() { w.work(t, stop) })
	}
	var victims []*undying
	for _, w := range h.workers {
		victims = append(victims, &w.undying)
	}
	k = killSome(victims, d, rng)
	close(stop)
	group.Wait()
	return k
}

func (h *hospital) names() (names []string) {
	for _, w := range h.workers {
		for name := range w.lanes {
			names = append(names, name)
		}
	}
	return append(names, sharedNames()...)
}

func sharedNames() []string { return []string{"shared-0", "shared-1"} }

// worker is a client that starts its server again whenever it dies.
type worker struct {
	h     *hospital
	n     int
	rng   *rand.Rand
	lanes map[string]*lane // worktrees that nobody else touches
	count int
	mine  []int // tasks that nobody else binds

	undying
}

// lane is what a worktree may be by now, as far as its owner was told.
type lane struct {
	may      []string // of absent, active, kept
	removing bool     // a removal was cut off and may still be finished
}

func (l *lane) is(status string) bool {
	return len(l.may) == 1 && l.may[0] == status && !l.removing
}

func (l *lane) add(status string) {
	if !slices.Contains(l.may, status) {
		l.may = append(l.may, status)
	}
}

func (w *worker) work(t *testing.T, stop <-chan struct{}) {
	w.live(t, stop, func(*server) error { return w.step() })
}

func (w *worker) unique(what string) string {
	w.count++
	return fmt.Sprintf("%s-%d-%d", what, w.n, w.count)
}

// step makes one call chosen at random.
func (w *worker) step() error {
	name := fmt.Sprintf("own-%d-%d", w.n, w.rng.IntN(3))
	if w.lanes[name] == nil {
		w.lanes[name] = &lane{may: []string{"absent"}}
	}
	l := w.lanes[name]
	switch dice := w.rng.IntN(100); {
	case dice < 20 || len(w.mine) == 0:
		return w.createTask()
	case dice < 40:
		return w.note()
	case dice < 62:
		return w.create(name, l)
	case dice < 78:
		return w.remove(name, l)
	case dice < 83:
		return w.keep(name, l)
	case dice < 88:
		_, err := w.tell("task_bind_worktree", args{"task_id": w.anyOf(w.mine), "worktree": name})
		return err
	case dice < 94:
		return w.useShared()
	}
	w.useLane(name, l)
	return nil
}

func (w *worker) anyOf(ids []int) int { return ids[w.rng.IntN(len(ids))] }

// tell makes a call and counts how it ended.
func (w *worker) tell(tool string, a args) (reply, error) {
	out, err := w.current().call(tool, a)
	w.h.mu.Lock()
	defer w.h.mu.Unlock()
	if w.h.codes == nil {
		w.h.codes = map[string]int{}
	}
	switch {
	case err != nil:
		w.h.cut++
	case out.Code == "":
		w.h.answered++
	default:
		w.h.answered++
		w.h.codes[tool+" "+out.Code]++
		if out.Code == "internal" || out.Code == "git" || out.Code == "corrupt" {
			w.h.codes[tool+": "+out.Text]++
		}
	}
	return out, err
}

func (w *worker) createTask() error {
	subject := w.unique("task")
	out, err := w.tell("task_create", args{"subject": subject})
	w.h.mu.Lock()
	defer w.h.mu.Unlock()
	id := as[task](out).ID
	w.h.subjects[subject] = id
	if err == nil && out.Code == "" {
		w.h.ids = append(w.h.ids, id)
		w.mine = append(w.mine, id)
	}
	return err
}

// note appends to any task of anybody.
func (w *worker) note() error {
	w.h.mu.Lock()
	id := w.anyOf(w.h.ids)
	w.h.mu.Unlock()
	text := w.unique("note")
	out, err := w.tell("task_update", args{"task_id": id, "note": text})
	w.h.mu.Lock()
	defer w.h.mu.Unlock()
	if err != nil {
		w.h.notes[text] = -id
	} else if out.Code == "" {
		w.h.notes[text] = id
	}
	return err
}

func (w *worker) create(name string, l *lane) error {
	a := args{"name": name}
	if w.rng.IntN(2) == 0 {
		a["task_id"] = w.anyOf(w.mine)
	}
	out, err := w.tell("worktree_create", a)
	if err == nil && out.Code == "already_exists" && strings.Contains(out.Text, "branch wt/") {
		a["branch"] = "wt/" + name // a removed worktree left its commits there
		out, err = w.tell("worktree_create", a)
	}
	switch {
	case err != nil:
		l.add("active")
	case out.Code == "":
		*l = lane{may: []string{"active"}}
	}
	return err
}

func (w *worker) remove(name string, l *lane) error {
	out, err := w.tell("worktree_remove", args{"name": name, "force": w.rng.IntN(2) == 0, "complete_task": w.rng.IntN(4) == 0})
	switch {
	case err != nil:
		l.add("absent")
		l.removing = true
	case out.Code == "":
		*l = lane{may: []string{"absent"}}
	}
	return err
}

func (w *worker) keep(name string, l *lane) error {
	out, err := w.tell("worktree_keep", args{"name": name})
	switch {
	case err != nil:
		l.add("kept")
	case out.Code == "" && l.removing:
		l.may = []string{"kept", "absent"}
	case out.Code == "":
		l.may = []string{"kept"}
	}
	return err
}

// useShared creates and removes what others create and remove as well.
func (w *worker) useShared() error {
	name := sharedNames()[w.rng.IntN(2)]
	tool := []string{"worktree_create", "worktree_remove"}[w.rng.IntN(2)]
	_, err := w.tell(tool, args{"name": name})
	return err
}

// useLane does what an agent does in its worktree: it commits, or leaves a file.
func (w *worker) useLane(name string, l *lane) {
	dir := w.h.r.path(".worktrees", name)
	if !l.is("active") && !l.is("kept") {
		return
	}
	if w.rng.IntN(2) == 0 {
		file := w.unique("untracked")
		if os.WriteFile(filepath.Join(dir, file), []byte(file), 0o644) == nil {
			w.h.mu.Lock()
			w.h.files = append(w.h.files, file)
			w.h.mu.Unlock()
		}
		return
	}
	if _, err := w.h.r.tryGit("-C", dir, "commit", "-q", "--allow-empty", "-m", w.unique("commit")); err != nil {
		return
	}
	if oid, err := w.h.r.tryGit("-C", dir, "rev-parse", "HEAD"); err == nil {
		w.h.mu.Lock()
		w.h.commits = append(w.h.commits, oid)
		w.h.mu.Unlock()
	}
}

// check compares what the clients were told with what is there.
func (h *hospital) check(o *outside) (faults []string) {
	fault := func(format string, a ...any) { faults = append(faults, fmt.Sprintf(format, a...)) }
	for subject, id := range h.subjects {
		if id != 0 && o.tasks[id].Subject != subject {
			fault("task %d was acknowledged as %q and is %q", id, subject, o.tasks[id].Subject)
		}
	}
	found := map[string]int{}
	for id, t := range o.tasks {
		if known, ok := h.subjects[t.Subject]; !ok || known != 0 && known != id {
			fault("task %d is %q, which nobody created", id, t.Subject)
		}
		for _, n := range t.Notes {
			found[n.Text]++
			if was := h.notes[n.Text]; was != id && was != -id {
				fault("task %d has note %q, which belongs to %d", id, n.Text, was)
			}
		}
	}
	for text, id := range h.notes {
		if n := found[text]; n > 1 || id > 0 && n != 1 {
			fault("note %q of task %d is there %d times", text, id, n)
		}
	}
	return append(append(faults, h.checkLanes(o)...), h.checkWork()...)
}

func (h *hospital) checkLanes(o *outside) (faults []string) {
	for _, w := range h.workers {
		for name, l := range w.lanes {
			status := "absent"
			for _, e := range o.entries {
				if e.Name == name && e.live() {
					status = e.Status
				}
			}
			if !slices.Contains(l.may, status) {
				faults = append(faults, fmt.Sprintf("worktree %s is %s, its owner was told %v", name, status, l.may))
			}
			*l = lane{may: []string{status}} // all is quiet: nothing is cut off any more
		}
	}
	return faults
}

// checkWork: every commit is reachable, every file is in its worktree or in the trash.
func (h *hospital) checkWork() (faults []string) {
	reachable, err := h.r.tryGit("rev-list", "--all")
	if err != nil {
		return []string{err.Error()}
	}
	for _, oid := range h.commits {
		if !strings.Contains(reachable, oid) {
			faults = append(faults, "commit "+oid+" is lost")
		}
	}
	for _, file := range h.files {
		here, _ := filepath.Glob(h.r.path(".worktrees", "*", file))
		trash, _ := filepath.Glob(h.r.path(".git", "wt-mcp", "trash", "*", "files", file))
		if len(here)+len(trash) != 1 {
			faults = append(faults, fmt.Sprintf("file %s is there %d times", file, len(here)+len(trash)))
		}
	}
	return faults
}

func (h *hospital) log(t *testing.T) {
	t.Logf("%d commits and %d untracked files are all there; refusals:", len(h.commits), len(h.files))
	var lines []string
	for what, n := range h.codes {
		lines = append(lines, fmt.Sprintf("%5d %.300s", n, what))
	}
	slices.Sort(lines)
	t.Log(strings.Join(lines, "\n"))
}

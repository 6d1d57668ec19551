package tools

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wt-mcp/git"
	"wt-mcp/git/gittest"
	"wt-mcp/state"
	"wt-mcp/state/files"
	"wt-mcp/tools/rules"
)

// machine is a machine whose clocks go as a test wants.
type machine struct {
	boot   string
	uptime time.Duration // since boot
	wall   time.Time
}

// connection is a server process of its own on the machine's board.
func (m *machine) connection(t *testing.T, repo *gittest.Repo, actor string) *Board {
	t.Helper()
	opened, err := git.Open(t.Context(), repo.Dir)
	require.NoError(t, err)
	store := files.Open(files.Config{Root: opened.Root(), Private: filepath.Join(opened.CommonDir(), "wt-mcp"), NoSync: true,
		Boot: m.boot, Now: func() time.Time { return m.wall }, Uptime: func() time.Duration { return m.uptime }})
	b := NewBoard(Parts{State: store, Git: opened, Log: slog.New(slog.DiscardHandler), Env: os.Environ()})
	b.shared.tending.close() // time goes on only where the test says so
	t.Cleanup(b.Close)
	return b.For(Caller{Actor: actor})
}

func (m *machine) pass(d time.Duration) {
	m.uptime += d
	m.wall = m.wall.Add(d)
}

func newMachine() *machine {
	return &machine{boot: "boot-1", uptime: time.Hour, wall: time.Unix(1_800_000_000, 0)}
}

// lawBook is the board's claims as they should be: a task has at most one holder, a
// lease that is over lets the next one in, and never the old one.
type lawBook struct {
	now   time.Duration
	tasks map[int]*modelTask
}

type modelTask struct {
	status  state.Status
	claim   *modelClaim
	holders []*modelClaim
}

type modelClaim struct {
	token      string
	lease, end time.Duration
	closed     bool // its holder completed the task
}

func (r *lawBook) lapse(t *modelTask) {
	if t.claim != nil && r.now >= t.claim.end {
		t.claim = nil
		if t.status == state.InProgress {
			t.status = state.Pending
		}
	}
}

// write is what a change of the task is to answer that carries a token; "" is none.
func (r *lawBook) write(t *modelTask, token string) state.Code {
	if token != "" && t.claim != nil && t.claim.token == token && r.now < t.claim.end {
		if begun := t.claim.end - t.claim.lease; (r.now - begun).Seconds() > min(t.claim.lease.Seconds()/20, 5) {
			t.claim.end = r.now + t.claim.lease
		}
		return ""
	}
	if token != "" {
		for _, c := range t.holders {
			if c.token == token && c.closed && t.claim == nil {
				return ""
			}
		}
		return state.ClaimLost
	}
	if r.lapse(t); t.claim != nil {
		return state.ClaimHeld
	}
	return ""
}

// Invariant 6, as a property: whatever three connections do in whatever order
// while time passes, the clock jumps and the machine boots, the board answers as
// the rules do.
func TestClaimsFollowTheRules(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { followRules(t, seed) })
	}
}

func followRules(t *testing.T, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 7))
	repo, m := gittest.NewRepo(t), newMachine()
	boards := []*Board{m.connection(t, repo, "a"), m.connection(t, repo, "b"), m.connection(t, repo, "c")}
	r := &lawBook{tasks: map[int]*modelTask{}}
	for i := range 3 {
		r.tasks[mustCreate(t, boards[0], fmt.Sprint(i)).ID] = &modelTask{status: state.Pending}
	}
	for step := range 250 {
		id := 1 + rng.IntN(3)
		task, b := r.tasks[id], boards[rng.IntN(3)]
		b.Held = &rules.Held{} // each call is a connection of its own: it has what it passes
		token := ""
		if n := len(task.holders); n > 0 && rng.IntN(3) > 0 {
			token = task.holders[max(0, n-1-rng.IntN(2))].token
		}
		what := fmt.Sprintf("step %d", step)
		switch rng.IntN(8) {
		case 0, 1:
			claimStep(t, r, task, b, id, rng, what)
		case 2:
			err := second(b.TaskUpdate(t.Context(), TaskUpdateIn{TaskID: id, Note: "n", Claim: tokenOf(t, token)}))
			requireCode(t, writable(r, task, token), err, what+" note")
		case 3:
			if token == "" {
				continue
			}
			err := second(b.TaskClaim(t.Context(), TaskClaimIn{Claim: tokenOf(t, token)}))
			want := r.own(task, token)
			if want == "" {
				task.claim.end = r.now + task.claim.lease
			}
			requireCode(t, want, err, what+" renew")
		case 4:
			if token == "" {
				continue
			}
			err := second(b.TaskClaim(t.Context(), TaskClaimIn{Claim: tokenOf(t, token), Release: true}))
			want := r.own(task, token)
			if want == "" {
				task.claim, task.status = nil, state.Pending
			}
			requireCode(t, want, err, what+" release")
		case 5:
			if task.status.Open() && rng.IntN(6) == 0 {
				closeStep(t, r, task, b, id, token, what)
			}
		case 6:
			d := time.Duration(rng.IntN(12_000)) * time.Millisecond
			m.pass(d)
			r.now += d
		case 7: // somebody sets the clock: to leases it is nothing
			m.wall = m.wall.Add(time.Duration(rng.IntN(7200)-3600) * time.Second)
		}
	}
	for id, task := range r.tasks {
		requireModel(t, r, boards[0], id, task)
	}
}

func claimStep(t *testing.T, r *lawBook, task *modelTask, b *Board, id int, rng *rand.Rand, what string) {
	lease := time.Duration(1+rng.IntN(20)) * time.Second
	out, err := b.TaskClaim(t.Context(), TaskClaimIn{TaskID: id, LeaseSeconds: lease.Seconds()})
	if !task.status.Open() {
		requireCode(t, state.Conflict, err, what+" claim of a closed task")
		return
	}
	if r.lapse(task); task.claim != nil {
		requireCode(t, state.ClaimHeld, err, what+" claim")
		return
	}
	requireCode(t, "", err, what+" claim")
	task.claim = &modelClaim{token: out.Claim, lease: lease, end: r.now + lease}
	task.holders, task.status = append(task.holders, task.claim), state.InProgress
}

func closeStep(t *testing.T, r *lawBook, task *modelTask, b *Board, id int, token, what string) {
	want := writable(r, task, token)
	err := second(b.TaskUpdate(t.Context(), TaskUpdateIn{TaskID: id, Status: state.Completed, Claim: tokenOf(t, token)}))
	requireCode(t, want, err, what+" complete")
	if want == "" {
		if task.claim != nil {
			task.claim.closed = true
		}
		task.claim, task.status = nil, state.Completed
	}
}

func tokenOf(t *testing.T, text string) (token state.Token) {
	t.Helper()
	require.NoError(t, token.UnmarshalText([]byte(text)))
	return token
}

func writable(r *lawBook, task *modelTask, token string) state.Code { return r.write(task, token) }

// own is what renewing and releasing answer, which need a claim that holds.
func (r *lawBook) own(t *modelTask, token string) state.Code {
	switch code := r.write(t, token); {
	case code == "" && (t.claim == nil || t.claim.token != token):
		return state.Conflict
	default:
		return code
	}
}

func requireModel(t *testing.T, r *lawBook, b *Board, id int, task *modelTask) {
	t.Helper()
	got, err := b.TaskGet(t.Context(), TaskGetIn{TaskID: id})
	require.NoError(t, err)
	_, err = b.TendClaims(t.Context())
	require.NoError(t, err)
	r.lapse(task)
	got, err = b.TaskGet(t.Context(), TaskGetIn{TaskID: id})
	require.NoError(t, err)
	require.Equal(t, task.status, got.Status)
	require.Len(t, got.Attempts, len(task.holders), "every holder is on the task")
	for i, a := range got.Attempts {
		open := task.claim != nil && i == len(got.Attempts)-1
		require.Equal(t, open, a.Outcome == "", "attempt %d of task %d: %+v", i, id, a)
	}
}

func requireCode(t *testing.T, want state.Code, err error, what string) {
	t.Helper()
	if want == "" {
		require.NoError(t, err, what)
		return
	}
	require.Error(t, err, what)
	require.Equal(t, want, state.CodeOf(err), "%s: %v", what, err)
}

func second[T any](_ T, err error) error { return err }

// A lease goes on through a boot of the machine for no longer than it was given
// for, whatever the time of day says then.
func TestLeaseSurvivesABoot(t *testing.T) {
	for name, jump := range map[string]time.Duration{"the clock is right": 0, "it was set back a year": -365 * 24 * time.Hour, "it was set forward": time.Hour} {
		t.Run(name, func(t *testing.T) {
			repo, m := gittest.NewRepo(t), newMachine()
			a := m.connection(t, repo, "a")
			id := mustCreate(t, a, "one").ID
			claimed, err := a.TaskClaim(t.Context(), TaskClaimIn{TaskID: id, LeaseSeconds: 600})
			require.NoError(t, err)
			m.boot, m.uptime = "boot-2", 10*time.Second
			m.wall = m.wall.Add(60*time.Second + jump)
			b := m.connection(t, repo, "b")
			_, err = b.TendClaims(t.Context())
			require.NoError(t, err)
			err = second(b.TaskClaim(t.Context(), TaskClaimIn{TaskID: id}))
			if jump > 0 {
				require.NoError(t, err, "by the clock the lease is over")
				requireCode(t, state.ClaimLost, second(b.TaskUpdate(t.Context(), TaskUpdateIn{TaskID: id, Note: "n", Claim: tokenOf(t, claimed.Claim)})), "the old holder")
				return
			}
			requireCode(t, state.ClaimHeld, err, "right after the boot")
			m.pass(601 * time.Second)
			require.NoError(t, second(b.TaskClaim(t.Context(), TaskClaimIn{TaskID: id})), "the lease cannot be longer than it was given for")
		})
	}
}

// Three lost holders are shown to the fourth.
func TestStrikes(t *testing.T) {
	repo, m := gittest.NewRepo(t), newMachine()
	b := m.connection(t, repo, "a")
	id := mustCreate(t, b, "cursed").ID
	for n := range 4 {
		out, err := b.TaskClaim(t.Context(), TaskClaimIn{Owner: fmt.Sprintf("agent-%d", n), LeaseSeconds: 10})
		require.NoError(t, err)
		require.Equal(t, id, out.Task.ID)
		require.Equal(t, n, out.Task.LostHolders())
		require.Equal(t, n == strikes, out.Warning != "", "%d: %s", n, out.Warning)
		m.pass(11 * time.Second)
	}
}

// A claim ends with its task, however that ends, and its holder may still close
// out the worktree with it.
func TestClaimEndsWithTheTask(t *testing.T) {
	repo, m := gittest.NewRepo(t), newMachine()
	a, b := m.connection(t, repo, "a"), m.connection(t, repo, "b")
	id := mustCreate(t, a, "one").ID
	claimed, err := a.TaskClaim(t.Context(), TaskClaimIn{TaskID: id})
	require.NoError(t, err)
	_, err = a.WorktreeCreate(t.Context(), WorktreeCreateIn{Name: "lane", TaskID: id})
	require.NoError(t, err)
	for what, err := range map[string]error{
		"keep":   second(b.WorktreeKeep(t.Context(), WorktreeKeepIn{Name: "lane"})),
		"remove": second(b.WorktreeRemove(t.Context(), WorktreeRemoveIn{Name: "lane", Force: true})),
		"run":    second(b.WorktreeRun(t.Context(), WorktreeRunIn{Name: "lane", Command: "true"})),
		"write":  second(b.FileWrite(t.Context(), FileWriteIn{Worktree: "lane", Path: "x", Content: "x"})),
		"edit":   second(b.FileEdit(t.Context(), FileEditIn{Worktree: "lane", Path: "README.md", OldText: "a", NewText: "b"})),
		"bind":   second(b.TaskBindWorktree(t.Context(), TaskBindWorktreeIn{TaskID: id, Worktree: "lane"})),
		"create": second(b.WorktreeCreate(t.Context(), WorktreeCreateIn{Name: "other", TaskID: id})),
	} {
		requireCode(t, state.ClaimHeld, err, what)
	}
	_, err = a.TaskUpdate(t.Context(), TaskUpdateIn{TaskID: id, Status: state.Completed})
	require.NoError(t, err)
	out, err := b.WorktreeRemove(t.Context(), WorktreeRemoveIn{Name: "lane", Claim: tokenOf(t, claimed.Claim)})
	require.NoError(t, err)
	require.Equal(t, state.OutcomeCompleted, out.Task.Attempts[0].Outcome)
}

func (m *machine) file(b *Board, names ...string) string {
	return filepath.Join(append([]string{b.State.Root()}, names...)...)
}

// A task file that nobody can read holds up no other task, and its claim can be ended.
func TestUnreadableTaskHoldsUpNobody(t *testing.T) {
	repo, m := gittest.NewRepo(t), newMachine()
	b := m.connection(t, repo, "a")
	for i := range 3 {
		id := mustCreate(t, b, fmt.Sprint(i)).ID
		if i < 2 {
			_, err := b.TaskClaim(t.Context(), TaskClaimIn{TaskID: id, LeaseSeconds: 10})
			require.NoError(t, err)
		}
	}
	require.NoError(t, os.WriteFile(m.file(b, ".tasks", "task_1.json"), []byte("<<<<<<< HEAD\n"), 0o644))
	_, err := b.ReleaseTask(t.Context(), 1, true)
	require.NoError(t, err)
	m.pass(11 * time.Second)
	_, err = b.TendClaims(t.Context())
	require.NoError(t, err)
	two, err := b.TaskGet(t.Context(), TaskGetIn{TaskID: 2})
	require.NoError(t, err)
	require.Equal(t, state.Pending, two.Status)
	_, err = b.TaskClaim(t.Context(), TaskClaimIn{})
	require.NoError(t, err)
}

// Without the private file, or with a broken one, nothing is held, reading goes on,
// and no number is given out again: an old token proves nothing.
func TestClaimsFileIsLost(t *testing.T) {
	for name, content := range map[string]string{"gone": "", "broken": "{bad", "empty": "{}"} {
		t.Run(name, func(t *testing.T) {
			repo, m := gittest.NewRepo(t), newMachine()
			a, b := m.connection(t, repo, "a"), m.connection(t, repo, "b")
			id := mustCreate(t, a, "one").ID
			old, err := a.TaskClaim(t.Context(), TaskClaimIn{TaskID: id})
			require.NoError(t, err)
			file := m.file(a, ".git", "wt-mcp", "claims.json")
			require.NoError(t, os.Remove(file))
			if content != "" {
				require.NoError(t, os.WriteFile(file, []byte(content), 0o644))
			}
			_, err = b.TaskList(t.Context(), TaskListIn{Ready: true})
			require.NoError(t, err)
			_, err = b.TaskClaim(t.Context(), TaskClaimIn{TaskID: id, Owner: "bob"})
			require.NoError(t, err)
			late := TaskUpdateIn{TaskID: id, Note: "late", Claim: tokenOf(t, old.Claim)}
			requireCode(t, state.ClaimLost, second(a.TaskUpdate(t.Context(), late)), "while bob holds it")
			_, err = b.TaskUpdate(t.Context(), TaskUpdateIn{TaskID: id, Status: state.Completed})
			require.NoError(t, err)
			requireCode(t, state.ClaimLost, second(a.TaskUpdate(t.Context(), late)), "after bob completed it")
		})
	}
}

// A claim on a task that a person completed in its file holds nothing.
func TestClaimOfATaskCompletedByHand(t *testing.T) {
	repo, m := gittest.NewRepo(t), newMachine()
	b := m.connection(t, repo, "a")
	id := mustCreate(t, b, "one").ID
	claimed, err := b.TaskClaim(t.Context(), TaskClaimIn{TaskID: id})
	require.NoError(t, err)
	file := m.file(b, ".tasks", "task_1.json")
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, []byte(strings.Replace(string(data), "in_progress", "completed", 1)), 0o644))
	for _, in := range []TaskClaimIn{{Claim: tokenOf(t, claimed.Claim)}, {Claim: tokenOf(t, claimed.Claim), Owner: "bob"}} {
		requireCode(t, state.Conflict, second(b.TaskClaim(t.Context(), in)), "renew or hand over")
	}
}

// blocked_by and status of one call are held against each other, not against what was.
func TestBlockersOfTheSameCallCount(t *testing.T) {
	b, _ := newBoard(t)
	first, second1 := mustCreate(t, b, "one").ID, mustCreate(t, b, "two").ID
	on, off := []int{first}, []int{}
	requireCode(t, state.Blocked, second(b.TaskUpdate(t.Context(), TaskUpdateIn{TaskID: second1, Status: state.InProgress, BlockedBy: &on})), "blocked by the call")
	_, err := b.TaskUpdate(t.Context(), TaskUpdateIn{TaskID: second1, BlockedBy: &on})
	require.NoError(t, err)
	require.NoError(t, second(b.TaskUpdate(t.Context(), TaskUpdateIn{TaskID: second1, Status: state.InProgress, BlockedBy: &off})), "freed by the call")
}

// A run keeps the next holder's claim alive too.
func TestHandOverKeepsTheRuns(t *testing.T) {
	repo, m := gittest.NewRepo(t), newMachine()
	b := m.connection(t, repo, "a")
	id := mustCreate(t, b, "one").ID
	claimed, err := b.TaskClaim(t.Context(), TaskClaimIn{TaskID: id})
	require.NoError(t, err)
	require.NoError(t, b.State.Update(t.Context(), func(tx *state.Tx) error {
		tx.KeepRuns(id, []string{"r-000000000-aaaaa"})
		return nil
	}))
	_, err = b.TaskClaim(t.Context(), TaskClaimIn{Claim: tokenOf(t, claimed.Claim), Owner: "bob"})
	require.NoError(t, err)
	require.NoError(t, b.State.View(t.Context(), func(v *state.View) error {
		c, _, err := v.Claim(id)
		require.Equal(t, []string{"r-000000000-aaaaa"}, c.Runs)
		return err
	}))
}

//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// escapes are ways to get away from whoever ends a command. MARK stands for what
// their processes are counted by.
func escapes() map[string]string {
	loop := `while :; do sleep 1; done`
	all := map[string]string{
		"background":    `sh -c '` + loop + `' MARK &`,
		"setsid":        `setsid sh -c '` + loop + `' MARK &`,
		"double fork":   `(setsid sh -c 'setsid sh -c "while :; do sleep 1; done" MARK & exit' MARK &)`,
		"respawning":    `for i in 1 2 3 4; do setsid sh ./respawn MARK & done`,
		"stopped":       `sh -c 'kill -STOP $$; ` + loop + `' MARK &`,
		"deaf to TERM":  `sh -c 'trap "" TERM INT HUP; ` + loop + `' MARK &`,
		"no environ":    `env -i PATH="$PATH" setsid sh -c '` + loop + `' MARK &`,
		"holds outputs": `(sh -c '` + loop + `' MARK 3>&1 &)`,
	}
	var together []string
	for _, script := range all {
		together = append(together, script)
	}
	slices.Sort(together)
	all["all together"] = strings.Join(together, "\n")
	return all
}

// respawner starts its like in a session of its own and ends, for ever.
const respawner = "sleep 0.02\nsetsid sh ./respawn \"$1\" &\n"

// survivors counts the processes with a mark among their arguments.
func survivors(t *testing.T, mark string) (n int) {
	t.Helper()
	dirs, err := filepath.Glob("/proc/[0-9]*")
	require.NoError(t, err)
	for _, dir := range dirs {
		args, err := os.ReadFile(dir + "/cmdline") // empty for a zombie
		if err == nil && slices.Contains(strings.Split(string(args), "\x00"), mark) {
			n++
		}
	}
	return n
}

// breakout is one escape that is under way.
type breakout struct {
	name, mark, run string
	id              json.RawMessage
	answer          <-chan message
}

// escapeAll has one command per escape run in the worktree lane, each until
// somebody ends it.
func (s *scratch) escapeAll(p *peer, args, tail string) (all []*breakout) {
	s.t.Helper()
	s.write(".worktrees/lane/respawn", respawner)
	for name, script := range escapes() {
		e := &breakout{name: name, mark: fmt.Sprintf("mark-%d-%s", time.Now().UnixNano(), strings.ReplaceAll(name, " ", "-"))}
		command := strings.ReplaceAll(script, "MARK", e.mark) + "\n" + strings.ReplaceAll(tail, "MARK", e.mark)
		var err error
		e.id, e.answer, err = p.beginCall("worktree_run", `{"name":"lane","command":`+string(mustJSON(command))+args+`}`)
		require.NoError(s.t, err)
		all = append(all, e)
	}
	return all
}

func (s *scratch) awaitEscapes(all []*breakout) {
	s.t.Helper()
	for _, e := range all {
		s.await(".worktrees/lane/" + e.mark)
		s.requireSome(e)
	}
}

func (s *scratch) requireSome(e *breakout) {
	s.t.Helper()
	require.Eventually(s.t, func() bool { return survivors(s.t, e.mark) > 0 }, patience, time.Millisecond, e.name)
}

// forget takes calls off the list of those that must be answered.
func (p *peer) forget(all []*breakout) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, e := range all {
		delete(p.waiting, string(e.id))
	}
}

// TestNothingEscapes is the table of escapes and ways to end (invariant 9):
// counted from outside, nothing is left.
func TestNothingEscapes(t *testing.T) {
	const lasting = "touch MARK; sleep 1000"
	for way, end := range map[string]func(*scratch, *peer, []*breakout){
		"timeout":           func(s *scratch, p *peer, all []*breakout) {},
		"run_stop":          stopElsewhere,
		"cancel":            cancelAll,
		"end of input":      func(s *scratch, p *peer, _ []*breakout) { require.NoError(s.t, p.hangUp()) },
		"SIGTERM of server": func(s *scratch, p *peer, _ []*breakout) { require.NoError(s.t, p.cmd.Process.Signal(syscall.SIGTERM)) },
		"SIGKILL of server": func(s *scratch, p *peer, _ []*breakout) { p.kill() },

		"answered, then end of input": func(s *scratch, p *peer, all []*breakout) { s.awaitAnswers(p, all); require.NoError(s.t, p.hangUp()) },
		"answered, then SIGTERM of server": func(s *scratch, p *peer, all []*breakout) {
			s.awaitAnswers(p, all)
			require.NoError(s.t, p.cmd.Process.Signal(syscall.SIGTERM))
		},
		"answered, then SIGKILL of server": func(s *scratch, p *peer, all []*breakout) { s.awaitAnswers(p, all); p.kill() },
	} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			s := newScratch(t)
			p := s.dial(false)
			s.must(p, "worktree_create", `{"name":"lane"}`)
			args := `,"wait_seconds":300`
			if strings.HasPrefix(way, "answered") {
				args = `,"wait_seconds":0.3`
			}
			if way == "timeout" {
				args += `,"timeout_seconds":3`
			}
			all := s.escapeAll(p, args, lasting)
			s.awaitEscapes(all)
			began := time.Now()
			end(s, p, all)
			s.requireNoneLeft(all, began, way)
			p.forget(all)
			if way == "timeout" || way == "run_stop" || way == "cancel" {
				require.NoError(t, p.close())
			} else {
				<-p.ended
				_ = p.cmd.Wait()
			}
			s.requireTold(len(all))
		})
	}
}

// stopAll ends the runs that keep a worktree from being removed.
func (s *scratch) stopAll(p *peer, name string) {
	s.t.Helper()
	for _, r := range s.must(p, "worktree_status", fmt.Sprintf(`{"name":%q}`, name))["runs"].([]any) {
		if run := r.(map[string]any); run["status"] == "running" {
			s.must(p, "run_stop", fmt.Sprintf(`{"run_id":%q}`, run["run_id"]))
		}
	}
}

// awaitAnswers takes in that the commands go on.
func (s *scratch) awaitAnswers(p *peer, all []*breakout) {
	for _, e := range all {
		r, err := p.callResult("worktree_run", "", e.answer)
		require.NoError(s.t, err)
		require.Contains(s.t, string(r.Structured), `"status":"running"`)
	}
}

func stopElsewhere(s *scratch, p *peer, all []*breakout) {
	other := s.dial(true)
	for _, r := range s.must(other, "worktree_status", `{"name":"lane"}`)["runs"].([]any) {
		out := s.must(other, "run_stop", fmt.Sprintf(`{"run_id":%q}`, r.(map[string]any)["run_id"]))
		require.Equal(s.t, "cancelled", out["status"])
		require.Contains(s.t, out["cause"], "run_stop by e2e")
	}
	require.NoError(s.t, other.close())
}

func cancelAll(s *scratch, p *peer, all []*breakout) {
	for _, e := range all {
		require.NoError(s.t, p.notify("notifications/cancelled", map[string]any{"requestId": e.id}))
	}
}

func (s *scratch) requireNoneLeft(all []*breakout, began time.Time, way string) {
	s.t.Helper()
	for _, e := range all {
		require.Eventually(s.t, func() bool { return survivors(s.t, e.mark) == 0 }, patience, 20*time.Millisecond, "%s × %s: %d left", e.name, way, survivors(s.t, e.mark))
	}
	took := time.Since(began)
	time.Sleep(100 * time.Millisecond) // a respawner that got away would be back
	for _, e := range all {
		require.Zero(s.t, survivors(s.t, e.mark), "%s × %s", e.name, way)
	}
	s.t.Logf("%s: %d escapes, 0 left after %v", way, len(all), took.Round(time.Millisecond))
}

// requireTold holds the event log to one start and one end of each run.
func (s *scratch) requireTold(runs int) {
	s.t.Helper()
	var told map[string]int
	require.Eventually(s.t, func() bool {
		p := s.dial(false)
		defer func() { require.NoError(s.t, p.close()) }()
		told = map[string]int{}
		for _, e := range s.must(p, "worktree_events", `{"event":"worktree.run","limit":200}`)["events"].([]any) {
			e := e.(map[string]any)
			told[fmt.Sprint(e["event"], e["detail"].(map[string]any)["run_id"])]++
		}
		return len(told) >= 2*runs
	}, patience, 100*time.Millisecond, "%d of %d events: %v", len(told), 2*runs, told)
	require.Len(s.t, told, 2*runs)
	for event, n := range told {
		require.Equal(s.t, 1, n, event)
	}
}

// What a shell leaves running when it ends is ended too, and told.
func TestNothingIsLeftByAShellThatEnds(t *testing.T) {
	t.Parallel()
	s := newScratch(t)
	p := s.dial(false)
	s.must(p, "worktree_create", `{"name":"lane"}`)
	for _, e := range s.escapeAll(p, "", "sleep 0.1; echo end") {
		r, err := p.callResult("worktree_run", "", e.answer)
		require.NoError(t, err)
		require.Zero(t, survivors(t, e.mark), e.name)
		var out struct {
			Status      string
			ExitCode    int      `json:"exit_code"`
			LeftRunning []string `json:"left_running"`
			Containment string
		}
		require.NoError(t, json.Unmarshal(r.Structured, &out))
		require.Equal(t, "exited", out.Status, e.name)
		require.Zero(t, out.ExitCode)
		require.NotEmpty(t, out.LeftRunning, e.name)
		require.Equal(t, "subreaper", out.Containment)
		require.Contains(t, r.text(), "left running and ended")
	}
	require.NoError(t, p.close())
}

// Background runs belong to the worktree: they survive their server, are seen,
// read and stopped by the next one, and the worktree stays as long as they.
func TestBackgroundRunsSurviveTheServer(t *testing.T) {
	for _, end := range []string{"end of input", "SIGTERM", "SIGKILL"} {
		t.Run(end, func(t *testing.T) {
			t.Parallel()
			s := newScratch(t)
			p := s.dial(false)
			s.must(p, "worktree_create", `{"name":"lane"}`)
			all := s.escapeAll(p, `,"background":true`, "touch MARK; echo up; sleep 1000")
			for _, e := range all {
				r, err := p.callResult("worktree_run", "", e.answer)
				require.NoError(t, err)
				var out struct{ Run_id, Status string }
				require.NoError(t, json.Unmarshal(r.Structured, &out))
				require.Equal(t, "running", out.Status)
				e.run = out.Run_id
			}
			s.awaitEscapes(all)
			switch end {
			case "end of input":
				require.NoError(t, p.close())
			case "SIGTERM":
				require.NoError(t, p.cmd.Process.Signal(syscall.SIGTERM))
				<-p.ended
				_ = p.cmd.Wait()
			case "SIGKILL":
				p.die()
			}
			time.Sleep(200 * time.Millisecond)
			next := s.dial(true)
			for i, e := range all {
				s.requireSome(e)
				out := s.must(next, "run_output", fmt.Sprintf(`{"run_id":%q,"wait_seconds":5}`, e.run))
				require.Equal(t, "up\n", out["output"])
				require.Equal(t, "running", out["status"])
				if i%2 == 0 {
					require.Equal(t, "cancelled", s.must(next, "run_stop", fmt.Sprintf(`{"run_id":%q}`, e.run))["status"])
					require.Zero(t, survivors(t, e.mark), e.name)
				}
			}
			code, text := s.refused(next, "worktree_remove", `{"name":"lane","force":true}`)
			require.Equal(t, "in_use", code)
			require.Contains(t, text, `run_stop {"run_id":"r-`)
			began := time.Now()
			s.stopAll(next, "lane")
			s.requireNoneLeft(all, began, "background, then "+end+", then run_stop")
			s.must(next, "worktree_remove", `{"name":"lane","force":true}`)
			require.NoError(t, next.close())
			s.requireTold(len(all))
		})
	}
}

// Processes that start their like and end, as fast as they can and deaf to
// SIGTERM, are caught up with: within a limit of time, and after the death of
// the server.
func TestForkersAreCaught(t *testing.T) {
	s := newScratch(t)
	p := s.dial(false)
	s.must(p, "worktree_create", `{"name":"lane"}`)
	s.write(".worktrees/lane/tight", "trap '' TERM\nsetsid sh ./tight \"$1\" &\nsetsid sh -c 'sleep 0.2' \"$1\" &\n")
	forkers := func(mark string) string {
		return fmt.Sprintf(`for i in 1 2 3 4; do setsid sh ./tight %s & done; touch %s; sleep 100`, mark, mark)
	}
	for i := range 2 {
		mark := fmt.Sprintf("tight-%d-%d", os.Getpid(), i)
		out := s.lane(p, forkers(mark), `,"timeout_seconds":1`)
		require.Equal(t, "timed_out", out["status"])
		require.NotContains(t, out, "survivors")
		require.Zero(t, survivors(t, mark))
	}
	mark := fmt.Sprintf("tight-%d-kill", os.Getpid())
	_, _, err := p.beginCall("worktree_run", `{"name":"lane","command":`+string(mustJSON(forkers(mark)))+`}`)
	require.NoError(t, err)
	s.await(".worktrees/lane/" + mark)
	time.Sleep(500 * time.Millisecond)
	began := time.Now()
	p.die()
	require.Eventually(t, func() bool { return survivors(t, mark) == 0 }, patience, 20*time.Millisecond)
	t.Logf("forkers gone %v after SIGKILL of the server", time.Since(began).Round(time.Millisecond))
	s.requireTold(3)
}

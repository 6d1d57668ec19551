//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// selfApprovals are ways for a command of a run to approve what it is allowed. Each
// puts what came of it into the file came.
func selfApprovals() map[string]string {
	const clean = `env -u WT_MCP_RUN `
	empty := `env -i PATH="$PATH" HOME="$HOME" XDG_STATE_HOME="$XDG_STATE_HOME" `
	return map[string]string{
		"plain":          `wt-mcp trust`,
		"dropped mark":   clean + `wt-mcp trust`,
		"no environment": empty + `wt-mcp trust`,
		"session":        empty + `setsid -w wt-mcp trust`,
		"nohup":          clean + `nohup wt-mcp trust`,
		"terminal":       `echo yes | ` + clean + `script -qec "wt-mcp trust" /dev/null`,
		"double fork":    `(` + empty + `setsid sh -c "setsid wt-mcp trust >inner 2>&1; touch over" &); until test -e over; do sleep 0.02; done; cat inner`,
		"other process":  clean + `wt-mcp call worktree_run '{"name":"lane","command":"env -u WT_MCP_RUN wt-mcp trust"}'`,
		"namespaces":     clean + `unshare -Urpf --mount-proc wt-mcp trust || ` + clean + `wt-mcp trust`,
		"a claim":        clean + `wt-mcp task release 1 --force`,
	}
}

func TestRunApprovesNothing(t *testing.T) {
	t.Parallel()
	s := newScratch(t)
	s.write(".wt-mcp.toml", "[env]\nallow = ['MINE']\n")
	p := s.dial(false)
	s.must(p, "task_create", `{"subject":"held"}`)
	s.must(p, "task_claim", `{"task_id":1,"owner":"someone"}`)
	s.must(p, "worktree_create", `{"name":"lane"}`)
	for name, script := range selfApprovals() {
		out := s.lane(p, script+" 2>&1; echo code $?; rm -f over", "")
		require.Contains(t, out["output"], "is for the user: a command of a run cannot", name)
		require.NotContains(t, out["output"], "approved:", name)
		s.requireUnapproved(name)
	}
	r := s.must(p, "worktree_run", fmt.Sprintf(`{"name":"lane","background":true,"command":%q}`, `exec >bg 2>&1; env -u WT_MCP_RUN setsid -w wt-mcp trust; touch told`))
	s.await(".worktrees/lane/told")
	require.Contains(t, s.read(".worktrees/lane/bg"), "is for the user", r)
	s.requireUnapproved("background")
	require.Equal(t, "someone", s.must(p, "task_get", `{"task_id":1}`)["owner"])
	require.Contains(t, s.wtmcp("trust"), "approved: ", "the user's own script")
}

// A command that kills its supervisor keeps the mark that it cannot take off.
func TestOrphanOfARunApprovesNothing(t *testing.T) {
	t.Parallel()
	s := newScratch(t)
	s.write(".wt-mcp.toml", "[env]\nallow = ['MINE']\n")
	p := s.dial(false)
	s.must(p, "worktree_create", `{"name":"lane"}`)
	s.must(p, "worktree_run", `{"name":"lane","background":true,"command":`+
		`"env -u WT_MCP_RUN setsid sh -c \"kill -9 $PPID; sleep 0.3; wt-mcp trust >came 2>&1; touch told\" & sleep 60"}`)
	require.Eventually(t, func() bool {
		_, err := os.Stat(s.path(".worktrees/lane/told"))
		return err == nil || len(s.processesIn("lane")) == 0
	}, patience, 20*time.Millisecond)
	s.requireUnapproved("orphan")
}

// What kills its supervisor and has dropped all that can be dropped is ended too.
func TestOrphanOfARunIsEnded(t *testing.T) {
	t.Parallel()
	s := newScratch(t)
	p := s.dial(false)
	s.must(p, "worktree_create", `{"name":"lane"}`)
	s.must(p, "worktree_create", `{"name":"other"}`)
	s.must(p, "worktree_run", `{"name":"other","background":true,"command":"env -i setsid sleep 1000"}`)
	r := s.must(p, "worktree_run", `{"name":"lane","background":true,"command":`+
		`"env -i setsid sh -c \"touch began; sleep 0.1; kill -9 $PPID; sleep 1000\" & sleep 1000"}`)
	s.await(".worktrees/lane/began")
	require.Eventually(t, func() bool { return len(s.processesIn("lane")) == 0 }, patience, 20*time.Millisecond)
	require.Eventually(t, func() bool {
		return strings.Contains(s.text(p, "run_output", fmt.Sprintf(`{"run_id":%q}`, r["run_id"])), "cancelled, ")
	}, patience, 20*time.Millisecond)
	require.NotEmpty(t, s.processesIn("other"), "a run that has its supervisor goes on")
	s.stopAll(p, "other")
}

// processesIn lists what is at work in a lane.
func (s *scratch) processesIn(name string) (found []string) {
	s.t.Helper()
	links, err := filepath.Glob("/proc/[0-9]*/cwd")
	require.NoError(s.t, err)
	for _, link := range links {
		if at, err := os.Readlink(link); err == nil && at == s.path(".worktrees", name) {
			found = append(found, link)
		}
	}
	return found
}

func (s *scratch) requireUnapproved(how string) {
	s.t.Helper()
	home := filepath.Join(filepath.Dir(s.dir), "home")
	require.NoFileExists(s.t, filepath.Join(home, "state", "wt-mcp", "approved"), how)
	require.NoFileExists(s.t, filepath.Join(home, ".local", "state", "wt-mcp", "approved"), how)
}

// onTerminal runs trust with a person at the keyboard, and returns what it printed
// and whether it succeeded.
func (s *scratch) onTerminal(typed string) (printed string, ok bool) {
	s.t.Helper()
	main, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(s.t, err)
	defer main.Close()
	require.NoError(s.t, unix.IoctlSetPointerInt(int(main.Fd()), unix.TIOCSPTLCK, 0))
	n, err := unix.IoctlGetInt(int(main.Fd()), unix.TIOCGPTN)
	require.NoError(s.t, err)
	tty, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(s.t, err)
	defer tty.Close()
	said, write, err := os.Pipe()
	require.NoError(s.t, err)
	defer said.Close()
	cmd := exec.Command("wt-mcp", "trust")
	cmd.Dir, cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = s.dir, s.env, tty, write, write
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	require.NoError(s.t, cmd.Start())
	limit := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	defer limit.Stop()
	require.NoError(s.t, write.Close())
	var out strings.Builder
	for buf := make([]byte, 4096); ; {
		n, err := said.Read(buf)
		if out.Write(buf[:n]); strings.HasSuffix(out.String(), "Type yes: ") {
			_, _ = main.WriteString(typed)
		}
		if err != nil {
			break
		}
	}
	err = cmd.Wait()
	return out.String(), err == nil
}

func TestTrustAsksAndShowsFirst(t *testing.T) {
	t.Parallel()
	s := newScratch(t)
	s.write(".wt-mcp.toml", "[worktree]\nsetup = [\"true # \u202eevil\u009b2J\"]\n\tsubmodules = true\n")
	for _, typed := range []string{"no\n", "\n", "y\n", "\x04", "\x03"} {
		printed, ok := s.onTerminal(typed)
		require.False(t, ok, "%q: %s", typed, printed)
		require.NotContains(t, printed, "approved: ", "%q", typed)
		s.requireUnapproved(typed)
	}
	printed, ok := s.onTerminal("yes\n")
	require.True(t, ok, printed)
	require.Contains(t, printed, "setup = [\"true # \\u202eevil\\u009b2J\"]\n\\tsubmodules = true\nApprove ")
	require.Contains(t, printed, "approved: ")
	info, err := os.Stat(filepath.Join(filepath.Dir(s.dir), "home", "state", "wt-mcp", "approved"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode())
}

// What git's configuration would run is shown and asked for by itself, and counts
// from then on for that very content.
func TestTrustOfGitsPrograms(t *testing.T) {
	t.Parallel()
	s := newScratch(t)
	canary := filepath.Join(filepath.Dir(s.dir), "canary")
	s.git("config", "filter.e.clean", "touch "+canary+"; cat # \u202e")
	s.git("config", "user.nickname", "harmless")
	s.write("README.md", "changed\n")
	ran := func() bool {
		p := s.dial(false)
		s.must(p, "worktree_status", `{"name":"tree"}`)
		require.NoError(t, p.close())
		_, err := os.Stat(canary)
		return err == nil
	}
	s.git("-c", "filter.e.clean=cat", "worktree", "add", "-q", "../tree")
	s.write("../tree/README.md", "r3adme\n") // of the same length, so that git has to look
	s.write("../tree/.gitattributes", "* filter=e\n")
	s.wtmcp("call", "worktree_adopt", fmt.Sprintf(`{"path":%q}`, filepath.Join(filepath.Dir(s.dir), "tree")))
	printed, ok := s.onTerminal("no\n")
	require.False(t, ok)
	require.Contains(t, printed, `filter.e.clean = touch `+canary+`; cat # \u202e  (`+s.path(".git/config")+`)`)
	require.NotContains(t, printed, "harmless")
	require.False(t, ran(), "not approved")
	_, ok = s.onTerminal("yes\n")
	require.True(t, ok)
	require.True(t, ran(), "approved")
}

// What is no file of settings is refused at once, and nothing of it approved.
func TestTrustOfWhatIsNoConfiguration(t *testing.T) {
	t.Parallel()
	for name, plant := range map[string]func(path string) error{
		"endless":     func(path string) error { return os.Symlink("/dev/zero", path) },
		"a pipe":      func(path string) error { return unix.Mkfifo(path, 0o600) },
		"a directory": func(path string) error { return os.Mkdir(path, 0o700) },
		"large":       func(path string) error { return os.WriteFile(path, make([]byte, 1<<20), 0o600) },
		"broken":      func(path string) error { return os.WriteFile(path, []byte("[env]\nallow = ['A=B']\n"), 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScratch(t)
			require.NoError(t, plant(s.path(".wt-mcp.toml")))
			cmd := exec.CommandContext(t.Context(), "wt-mcp", "trust")
			cmd.Dir, cmd.Env = s.dir, s.env
			limit := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
			defer limit.Stop()
			out, err := cmd.CombinedOutput()
			require.Error(t, err)
			require.True(t, cmd.ProcessState.Exited(), "it hung")
			require.Contains(t, string(out), "nothing was approved: ")
			require.Contains(t, string(out), ".wt-mcp.toml")
			require.NotContains(t, string(out), "allow =")
			s.requireUnapproved(name)
		})
	}
}

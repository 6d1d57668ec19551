//go:build linux

package main

import (
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// lean runs a shell script in the repository, where CALL makes a tool call.
func (s *scratch) lean(script string) (string, error) {
	s.t.Helper()
	cmd := exec.Command("sh", "-c", "CALL() { wt-mcp call \"$@\"; }\n"+script)
	cmd.Dir, cmd.Env = s.dir, s.env
	out, err := cmd.CombinedOutput()
	return string(out), err
}

const wholeJob = `set -e; CALL task_create '{"subject":"one"}'; CALL worktree_create '{"name":"lane","task_id":1}'; CALL worktree_run '{"name":"lane","command":"echo it ran"}'
CALL worktree_snapshot '{"name":"lane"}'; CALL worktree_status '{"name":"lane"}'; CALL worktree_remove '{"name":"lane","complete_task":true}'; wt-mcp doctor`

// The whole job is done where there is little to do it with.
func TestWorkGoesOnInAPoorEnvironment(t *testing.T) {
	t.Parallel()
	for name, around := range map[string]string{
		"no HOME":            `unset HOME XDG_CONFIG_HOME XDG_STATE_HOME; `,
		"HOME is a file":     `unset XDG_CONFIG_HOME XDG_STATE_HOME; export HOME=$PWD/README.md GIT_CONFIG_GLOBAL=$PWD/../home/.gitconfig; `,
		"closed to others":   `umask 077; `,
		"open to all":        `umask 000; `,
		"few open files":     `ulimit -n 64; `,
		"no stdin":           `exec <&-; `,
		"no temporary files": `export TMPDIR=/proc; `,
		"a relative TMPDIR":  `export TMPDIR=tmp; `,
		"nothing but git":    `mkdir ../bin; ln -s $(command -v git) $(command -v wt-mcp) ../bin/; PATH=$PWD/../bin; `,
		"in a git directory": `cd .git; `,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScratch(t)
			out, err := s.lean(around + wholeJob)
			require.NoError(t, err, out)
			require.Contains(t, out, "\nit ran\n")
			require.Contains(t, out, "agree")
		})
	}
}

// What cannot go on says which directory it is about and what to do.
func TestPoorSystemSaysWhatToDo(t *testing.T) {
	t.Parallel()
	if out, err := exec.Command("unshare", "-m", "true").CombinedOutput(); err != nil {
		t.Skipf("no mounts of our own here: %s", out)
	}
	for name, tc := range map[string]struct{ around, call, says string }{
		"no /proc":       {`umount -l /proc; `, `worktree_run '{"name":"lane","command":"true"}'`, "mount -t proc proc /proc"},
		"read-only":      {`mount --bind . . && mount -o remount,ro,bind . && cd .; `, `worktree_run '{"name":"lane","command":"true"}'`, "check the permissions of "},
		"gone directory": {`mkdir gone; cd gone; rmdir ../gone; `, `task_list`, "start wt-mcp in a directory that exists, or with --repo DIR"},
		"no git":         {`mkdir only; ln -s "$(command -v wt-mcp)" only; PATH=$PWD/only; `, `worktree_list`, "put its directory on the PATH"},
		"few handles":    {`ulimit -n 18; `, `worktree_create '{"name":"other"}'`, "ulimit -n"},
		"a full git": {`mkdir -p .git/objects/pack; mount -t tmpfs -o size=64k none .git/objects/pack; head -c 1m /dev/urandom >.worktrees/lane/big; `,
			`worktree_snapshot '{"name":"lane"}'`, "make room on the disk of "},
		"no /proc, and a mount in a worktree": {`mkdir m .worktrees/lane/m; mount --bind m .worktrees/lane/m; umount -l /proc; `,
			`worktree_remove '{"name":"lane","force":true}'`, "a file system is mounted in worktree lane"},
		"hardly any handles": {`ulimit -n 12; `, `worktree_create '{"name":"other"}'`, "ulimit -n"},
		"a full disk": {`mount -t tmpfs -o size=64k none .git/wt-mcp/runs; head -c 1m /dev/zero >.git/wt-mcp/runs/fill 2>/dev/null; `,
			`worktree_run '{"name":"lane","command":"true"}'`, "make room on the disk of "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScratch(t)
			out, err := s.lean(`set -e; CALL worktree_create '{"name":"lane"}'; CALL worktree_run '{"name":"lane","command":"true"}'`)
			require.NoError(t, err, out)
			cmd := exec.Command("unshare", "-m", "sh", "-c", tc.around+"exec wt-mcp call "+tc.call)
			cmd.Dir, cmd.Env = s.dir, s.env
			said, err := cmd.CombinedOutput()
			require.Error(t, err, "%s", said)
			require.Contains(t, string(said), tc.says)
		})
	}
}

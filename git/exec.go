package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	grace       = 2 * time.Second // between the request to end and the kill
	stdoutLimit = 64 << 20
	stderrLimit = 8 << 10
	exitUsage   = 129 // git's exit code for an option it does not know
)

// program is the git binary with the environment that every run of it gets.
// It is immutable.
type program struct {
	path    string
	env     []string
	private string   // a place for temporary files; empty: the repository is not known yet
	objects []string // environment of a quarantine, see there

	settings *settings
	shadows  *shadows
	patience patience
	merges   *merges
}

// call is one run of git.
type call struct {
	args     []string
	dir      string
	config   []string   // -c key=value, beside fixedConfig; later entries win
	at       place      // the repository; the zero place lets git discover it
	env      []string   // beside program.env; later entries win
	op       bool       // changes something: must survive the death of this process
	registry bool       // changes or reads git's list of worktrees, or its configuration, see confine
	plain    bool       // runs no filter and no merge driver, approved or not
	apart    bool       // in a repository of our own, which has no refs of the other's kind
	inherit  []*os.File // open files which git and its children keep open
	stdin    io.Reader  // what git reads; nothing where it is nil
	stdout   io.Writer  // takes the output in place of the result, however long; not for an op
}

func findProgram(environ []string) (*program, error) {
	path, err := exec.LookPath("git")
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoGit, err)
	}
	return &program{path: path, env: cleanEnv(environ), patience: usualPatience(),
		settings: &settings{parsed: map[string][]Setting{}}, shadows: &shadows{}, merges: &merges{}}, nil
}

// cleanEnv drops every GIT_* variable, because a server that was started from
// a hook inherits the repository of that hook (git rev-parse
// --local-env-vars). Only those three are kept that say where the user's
// configuration is: they name no repository. Of PATH those directories go that are
// not absolute: git runs filters by name in a worktree, whose files would be found.
func cleanEnv(environ []string) []string {
	var env []string
	for _, kv := range environ {
		name, value, _ := strings.Cut(kv, "=")
		switch strings.ToUpper(name) {
		case "PATH":
			dirs := slices.DeleteFunc(filepath.SplitList(value), func(dir string) bool { return !filepath.IsAbs(dir) })
			kv = name + "=" + strings.Join(dirs, string(filepath.ListSeparator))
		case "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM":
		default:
			if strings.HasPrefix(strings.ToUpper(name), "GIT_") || name == "LC_ALL" || name == "LANGUAGE" {
				continue
			}
		}
		env = append(env, kv)
	}
	return append(env,
		"LC_ALL=C.UTF-8", "GIT_TERMINAL_PROMPT=0", "GIT_EDITOR=true", "GIT_SEQUENCE_EDITOR=true",
		"GIT_ASKPASS=true", "SSH_ASKPASS_REQUIRE=never", "GIT_PROTOCOL_FROM_USER=0",
		"GIT_COMMITTER_NAME=wt-mcp", "GIT_COMMITTER_EMAIL=wt-mcp@wt-mcp.invalid")
}

// fixedConfig overrides what a user or an agent may have configured: nothing is
// run that was not asked for, and refs and the index are flushed.
func fixedConfig() []string {
	return []string{
		"-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "core.pager=cat",
		"-c", "gc.auto=0", "-c", "maintenance.auto=false", "-c", "protocol.ext.allow=never",
		"-c", "submodule.recurse=false", "-c", "log.showSignature=false",
		"-c", "core.fsync=all",
		"-c", "core.untrackedCache=false", "-c", "core.trustctime=true", "-c", "core.checkStat=default", // git looks itself
	}
}

// run gives what git wrote to stdout, also when it failed. See answer.
func (p *program) run(ctx context.Context, c call) ([]byte, error) {
	out, _, err := p.answer(ctx, c)
	return out, err
}

// whole is run for what decisions rest on. Where git succeeded and yet said
// something on stderr, it may not have seen everything: [ErrUnseen].
func (p *program) whole(ctx context.Context, c call) ([]byte, error) {
	out, said, err := p.answer(ctx, c)
	switch {
	case errors.Is(err, ErrOutput):
		err = refuse(ErrUnseen, "git "+c.args[0]+": "+ErrOutput.Error())
	case err == nil && strings.TrimSpace(said) != "":
		err = refuse(ErrUnseen, "git "+c.args[0]+" says "+clipWords(said))
	}
	return out, err
}

// clipWords is the beginning of what git said, in one line.
func clipWords(said string) string {
	const shown = 300
	words := strings.Join(strings.Fields(said), " ")
	if len(words) > shown {
		words = strings.ToValidUTF8(words[:shown], "") + "..."
	}
	return words
}

// answer is the one place that executes git. It returns what git wrote to stdout,
// also when it failed, and what it said on stderr when it did not; the error is
// an *Error.
//
// When ctx ends, git's process group is asked to end and git is killed after a
// grace. A process that git left behind and that holds a pipe delays the
// return by the grace at most, and is killed. An op writes to files in place of
// pipes and is in a process group of its own on every system that has them, so
// neither the death of this process nor a ^C on its terminal cuts it short.
func (p *program) answer(ctx context.Context, c call) (out []byte, said string, err error) {
	guard, err := p.confine(ctx, c)
	if err != nil {
		return nil, "", &Error{Args: c.args, Dir: c.dir, ExitCode: -1, Err: err}
	}
	defer guard.close()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	cmd := exec.CommandContext(ctx, p.path, slices.Concat(fixedConfig(), c.config, c.args)...)
	cmd.Dir = c.dir
	cmd.Env = slices.Concat(p.env, lockEnv(c.op), guard.env, p.objects, c.env)
	cmd.WaitDelay = grace
	cmd.Cancel = func() error { return terminate(cmd) }
	isolate(cmd, guard.inherit(c))
	cmd.Stdin = c.stdin

	run := func() error { return p.runWatched(ctx, cancel, c, cmd) }
	stdout, stderr, taker := &limited{limit: stdoutLimit}, &limited{limit: stderrLimit, drop: true}, &taker{Writer: c.stdout}
	if c.op {
		err = p.runToFile(cmd, stderr, run)
	} else {
		cmd.Stdout, cmd.Stderr = stdout, stderr
		if c.stdout != nil {
			cmd.Stdout = taker
		}
		err = run()
	}
	if err == nil {
		return stdout.buffer.Bytes(), stderr.buffer.String(), nil
	}
	if ctx.Err() != nil || errors.Is(err, exec.ErrWaitDelay) {
		killGroup(cmd)
	}
	if errors.Is(err, exec.ErrWaitDelay) && ctx.Err() == nil {
		return stdout.buffer.Bytes(), stderr.buffer.String(), nil // git itself had exited with success
	}
	if stdout.full || taker.full {
		err = ErrOutput
	}
	e := p.explain(ctx, c, err, stderr.buffer.String())
	if cmd.Process != nil {
		e.pid = cmd.Process.Pid
	}
	return stdout.buffer.Bytes(), "", e
}

// lockEnv keeps a reading git from taking locks, which could make the user's
// own git fail, and from fetching missing objects of a partial clone.
func lockEnv(op bool) []string {
	if op {
		return nil
	}
	return []string{"GIT_OPTIONAL_LOCKS=0", "GIT_NO_LAZY_FETCH=1"}
}

// runToFile runs cmd with its stderr in a scratch file, which goes on to take it
// when we die.
func (p *program) runToFile(cmd *exec.Cmd, stderr io.Writer, run func() error) error {
	file, release, err := p.scratchFile()
	if err != nil {
		return fmt.Errorf("create output file: %w", err)
	}
	defer release()
	cmd.Stderr = file
	runErr := run()
	if _, err := io.Copy(stderr, io.NewSectionReader(file, 0, stderrLimit)); err != nil && runErr == nil {
		return fmt.Errorf("read output file: %w", err)
	}
	return runErr
}

// explain makes the typed error of a failed run.
func (p *program) explain(ctx context.Context, c call, err error, stderr string) *Error {
	e := &Error{Args: c.args, Dir: c.dir, ExitCode: -1, Stderr: stderr, Err: err}
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		e.Err = context.Cause(ctx)
		return e
	case errors.As(err, &exit):
		e.ExitCode = exit.ExitCode()
	}
	switch {
	case e.ExitCode == exitUsage && c.args[0] != "version":
		if _, old := p.version(ctx); errors.Is(old, ErrTooOld) {
			e.Err = old
		}
	case isBusy(stderr):
		e.Err = fmt.Errorf("%w (%w)", ErrBusy, err)
	}
	return e
}

// exitCode is git's exit code, or -1 when err is no *Error.
func exitCode(err error) int {
	var e *Error
	if errors.As(err, &e) {
		return e.ExitCode
	}
	return -1
}

// taker takes what git writes, and remembers that it took no more: then git dies of the
// broken pipe, if it still writes.
type taker struct {
	io.Writer
	full bool
}

func (t *taker) Write(p []byte) (int, error) {
	n, err := t.Writer.Write(p)
	t.full = t.full || errors.Is(err, ErrOutput)
	return n, err
}

// limited is a buffer with an end. Beyond it, it either drops what comes or
// fails the write, which ends the run.
type limited struct {
	buffer bytes.Buffer // not embedded: its ReadFrom would know no limit
	limit  int
	drop   bool
	full   bool // something did not fit
}

// Write never grows the buffer beyond the limit.
func (l *limited) Write(p []byte) (int, error) {
	free := l.limit - l.buffer.Len()
	if len(p) <= free {
		return l.buffer.Write(p)
	}
	l.buffer.Write(p[:max(free, 0)])
	l.full = true
	if l.drop {
		return len(p), nil
	}
	return max(free, 0), ErrOutput
}

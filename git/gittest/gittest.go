// Package gittest makes real git repositories for tests. Author, committer and
// dates are pinned, so the same steps give the same object ids on every
// machine; the configuration of the user and of the system has no say.
package gittest

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Repo is a repository of a test, removed when the test ends. Its methods fail
// the test when git does. It is for one goroutine at a time.
type Repo struct {
	Dir string // absolute, with symbolic links resolved

	t       testing.TB
	commits int
}

type options struct {
	dir     string
	init    []string
	files   int
	initial bool
	bare    bool
}

// Option changes what NewRepo makes.
type Option func(*options)

// Bare makes a bare repository with one empty commit on main.
func Bare() Option { return func(o *options) { o.init, o.bare = append(o.init, "--bare"), true } }

// SHA256 makes a repository whose object ids have 64 digits.
func SHA256() Option {
	return func(o *options) { o.init = append(o.init, "--object-format=sha256") }
}

// Empty leaves out the first commit.
func Empty() Option { return func(o *options) { o.initial = false } }

// Files puts n files of a few hundred bytes into the first commit, 100 to a
// directory.
func Files(n int) Option { return func(o *options) { o.files = n } }

// At makes the repository in dir, which is made; the test removes it.
func At(dir string) Option { return func(o *options) { o.dir = dir } }

// Init adds arguments to git init.
func Init(args ...string) Option { return func(o *options) { o.init = append(o.init, args...) } }

// NewRepo makes a repository on branch main with one commit that has README.md.
func NewRepo(t testing.TB, opts ...Option) *Repo {
	t.Helper()
	o := options{initial: true}
	for _, opt := range opts {
		opt(&o)
	}
	if o.dir == "" {
		o.dir = filepath.Join(TempDir(t), "repo")
	}
	if err := os.MkdirAll(o.dir, 0o777); err != nil {
		t.Fatal(err)
	}
	r := &Repo{Dir: o.dir, t: t}
	r.Git(append(append([]string{"init", "-q", "-b", "main"}, o.init...), r.Dir)...)
	switch {
	case !o.initial:
	case o.bare:
		tree := r.Git("hash-object", "-w", "-t", "tree", os.DevNull)
		r.Git("update-ref", "refs/heads/main", r.Git("commit-tree", "-m", "initial", tree))
	default:
		r.Write("README.md", "readme\n")
		r.WriteFiles(o.files)
		r.Commit("initial")
	}
	return r
}

// TempDir is t.TempDir with symbolic links resolved, as git reports paths.
func TempDir(t testing.TB) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// Main runs the tests of a package with an environment in which the code under
// test finds no configuration of this machine either: for TestMain, which exits
// with what it returns.
func Main(m *testing.M) int {
	home, err := os.MkdirTemp("", "gittest-home-*")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(home)
	for _, kv := range os.Environ() {
		if name, _, _ := strings.Cut(kv, "="); strings.HasPrefix(name, "GIT_") {
			os.Unsetenv(name)
		}
	}
	for name, value := range map[string]string{"HOME": home, "XDG_CONFIG_HOME": home, "USERPROFILE": home, "GIT_CONFIG_NOSYSTEM": "1"} {
		os.Setenv(name, value)
	}
	return m.Run()
}

// Env is an environment for git with everything pinned; n moves the clock.
func Env(home string, n int) []string {
	var env []string
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(kv, "=")
		if !strings.HasPrefix(name, "GIT_") && name != "HOME" && name != "XDG_CONFIG_HOME" {
			env = append(env, kv)
		}
	}
	date := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(n) * time.Minute).Format(time.RFC3339)
	return append(env, "HOME="+home, "XDG_CONFIG_HOME="+home, "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0", "LC_ALL=C.UTF-8",
		"GIT_AUTHOR_NAME=Test Author", "GIT_AUTHOR_EMAIL=author@example.com", "GIT_AUTHOR_DATE="+date,
		"GIT_COMMITTER_NAME=Test Committer", "GIT_COMMITTER_EMAIL=committer@example.com", "GIT_COMMITTER_DATE="+date,
		// nothing of a test's git outlives it
		"GIT_CONFIG_COUNT=2", "GIT_CONFIG_KEY_0=maintenance.auto", "GIT_CONFIG_VALUE_0=false", "GIT_CONFIG_KEY_1=gc.auto", "GIT_CONFIG_VALUE_1=0")
}

// Git runs git in the repository and returns its output without the last
// newline.
func (r *Repo) Git(args ...string) string {
	r.t.Helper()
	out, err := r.Try(args...)
	if err != nil {
		r.t.Fatal(err)
	}
	return out
}

// GitIn is Git in a directory below, or anywhere else when it is absolute.
func (r *Repo) GitIn(dir string, args ...string) string {
	r.t.Helper()
	return r.Git(append([]string{"-C", r.path(dir)}, args...)...)
}

// GitWith is Git with more variables in the environment.
func (r *Repo) GitWith(env []string, args ...string) string {
	r.t.Helper()
	out, err := r.try(env, args...)
	if err != nil {
		r.t.Fatal(err)
	}
	return out
}

// Tree lists what is below dir, with modes and contents, following no link.
func Tree(t testing.TB, dir string) map[string]string {
	t.Helper()
	seen := map[string]string{}
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		seen[name] = info.Mode().String()
		if info.Mode().IsRegular() {
			content, err := os.ReadFile(name)
			seen[name] += " " + string(content)
			return err
		}
		return nil
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return seen
}

// Try is Git for a call that may fail; the error has git's words.
func (r *Repo) Try(args ...string) (string, error) { return r.try(nil, args...) }

func (r *Repo) try(env []string, args ...string) (string, error) {
	var out, words bytes.Buffer
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Env = r.Dir, append(Env(filepath.Dir(r.Dir), r.commits), env...)
	cmd.Stdout, cmd.Stderr = &out, &words
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("git %s: %w: %s", strings.Join(args, " "), err, words.String())
	}
	return strings.TrimSuffix(out.String(), "\n"), nil
}

// Write writes a file, relative to the repository or absolute, and returns its
// full path.
func (r *Repo) Write(path, content string) string {
	r.t.Helper()
	path = r.path(path)
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
		r.t.Fatal(err)
	}
	return path
}

// WriteFiles writes n files of a few hundred bytes, 100 to a directory.
func (r *Repo) WriteFiles(n int) {
	r.t.Helper()
	for i := range n {
		r.Write(fmt.Sprintf("dir%03d/file%05d.txt", i/100, i), strings.Repeat(fmt.Sprintf("line of file %d\n", i), 20))
	}
}

// Commit commits everything in the main checkout and returns the object id.
func (r *Repo) Commit(message string) string {
	r.t.Helper()
	return r.CommitIn(".", message)
}

// CommitIn commits everything in the worktree at dir, empty commits too.
func (r *Repo) CommitIn(dir, message string) string {
	r.t.Helper()
	r.commits++
	r.GitIn(dir, "add", "--all")
	r.GitIn(dir, "commit", "-q", "--allow-empty", "--no-verify", "-m", message)
	return r.GitIn(dir, "rev-parse", "HEAD")
}

// Head is the object id of HEAD.
func (r *Repo) Head() string {
	r.t.Helper()
	return r.Git("rev-parse", "HEAD")
}

func (r *Repo) path(p string) string {
	if filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(r.Dir, filepath.FromSlash(p))
}

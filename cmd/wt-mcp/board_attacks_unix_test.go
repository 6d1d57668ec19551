//go:build unix

package main

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// attacked is a repository with a board, and files outside that nobody may touch.
type attacked struct {
	*scratch
	outside, saved string
}

const boardCanary = "canary-4711"

func newAttacked(t *testing.T) *attacked {
	s := newScratch(t)
	p := s.dial(true)
	s.must(p, "task_create", `{"subject":"one"}`)
	s.must(p, "worktree_create", `{"name":"lane"}`)
	s.must(p, "worktree_run", `{"name":"lane","command":"true"}`)
	require.NoError(t, p.close())
	s.write(".wt-mcp.toml", "max_timeout_seconds = 100\n")
	s.write(".worktreeinclude", "*.local\n")
	a := &attacked{s, filepath.Join(filepath.Dir(s.dir), "outside"), filepath.Join(filepath.Dir(s.dir), "saved")}
	for _, name := range []string{"file", "dir/task_1.json", "dir/index.json", "dir/events.jsonl", "dir/marker", "dir/journal", "dir/lock"} {
		s.write("../outside/"+name, `{"id":1,"subject":"`+boardCanary+`","status":"pending","event":"`+boardCanary+`"}`+"\n")
	}
	require.NoError(t, os.Rename(s.dir, a.saved))
	return a
}

// reset puts the repository back as it was.
func (a *attacked) reset() {
	require.NoError(a.t, os.RemoveAll(a.dir))
	require.NoError(a.t, os.CopyFS(a.dir, os.DirFS(a.saved)))
}

// things are what lies in place of a file or a directory.
func things(a *attacked) map[string]func(name string, dir bool) error {
	nested := `{"id":1,"subject":"x","status":"pending","worktrees":[],"x":` + strings.Repeat("[", 9000) + strings.Repeat("]", 9000) + "}"
	return map[string]func(name string, dir bool) error{
		"link": func(name string, dir bool) error {
			return os.Symlink(filepath.Join(a.outside, map[bool]string{true: "dir", false: "file"}[dir]), name)
		},
		"dangling link":     func(name string, _ bool) error { return os.Symlink(filepath.Join(a.outside, "new"), name) },
		"link to directory": func(name string, _ bool) error { return os.Symlink(filepath.Join(a.outside, "dir"), name) },
		"hard link":         func(name string, _ bool) error { return os.Link(filepath.Join(a.outside, "file"), name) },
		"pipe":              func(name string, _ bool) error { return syscall.Mkfifo(name, 0o666) },
		"socket":            socket,
		"device":            func(name string, _ bool) error { return syscall.Mknod(name, syscall.S_IFCHR|0o666, 1<<8|5) },
		"the other kind": func(name string, dir bool) error {
			if dir {
				return os.WriteFile(name, []byte("x"), 0o644)
			}
			return os.Mkdir(name, 0o755)
		},
		"sparse": func(name string, _ bool) error {
			if err := os.WriteFile(name, nil, 0o644); err != nil {
				return err
			}
			return os.Truncate(name, 20<<30)
		},
		"nested": func(name string, _ bool) error { return os.WriteFile(name, []byte(nested), 0o644) },
	}
}

func socket(name string, _ bool) error {
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		return err
	}
	defer syscall.Close(fd)
	short, err := os.MkdirTemp("/tmp", "s") // the name of a socket has at most some hundred bytes
	if err != nil {
		return err
	}
	defer os.RemoveAll(short)
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(short, "s")})
	if err != nil {
		return err
	}
	l.SetUnlinkOnClose(false)
	defer l.Close()
	return os.Rename(filepath.Join(short, "s"), name)
}

// Whatever lies in place of a file or directory of the board, or of a file of the
// repository that the board obeys: every call ends soon, nothing outside is touched,
// and nothing of it is read.
func TestNothingOutsideIsReachedThroughTheBoard(t *testing.T) {
	places := map[string]bool{ // true: a directory
		".tasks": true, ".tasks/task_1.json": false, ".tasks/.task_2.json.tmp": false, ".worktrees/index.json": false,
		".worktrees/events.jsonl": false, ".worktrees/.index.json.tmp": false, ".git/wt-mcp": true, ".git/wt-mcp/marker": false,
		".git/wt-mcp/journal": false, ".git/wt-mcp/lock": false, ".git/wt-mcp/git.lock": false, ".git/wt-mcp/ops": true,
		".git/wt-mcp/runs": true, ".git/wt-mcp/ports.json": false, ".git/wt-mcp/sizes.json": false, ".wt-mcp.toml": false, ".worktreeinclude": false,
	}
	for what := range things(&attacked{}) {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			a := newAttacked(t)
			for place, dir := range places {
				a.reset()
				name := a.path(place)
				require.NoError(t, os.RemoveAll(name))
				if err := things(a)[what](name, dir); err != nil {
					t.Skip(err)
				}
				a.calls(what, place)
			}
		})
	}
}

// calls makes every call that matters, and looks whether anything outside noticed.
func (a *attacked) calls(what, place string) {
	before := a.state()
	p := a.dial(true)
	for _, c := range [][2]string{{"task_list", "{}"}, {"task_get", `{"task_id":1}`}, {"worktree_events", "{}"}, {"worktree_list", "{}"},
		{"task_create", `{"subject":"two"}`}, {"worktree_create", `{"name":"next","task_id":1}`}, {"worktree_run", `{"name":"lane","command":"true"}`}} {
		began := time.Now()
		r, err := p.call(c[0], c[1])
		require.NoError(a.t, err, "%s in place of %s: %s", what, place, c[0])
		require.Less(a.t, time.Since(began), 20*time.Second, "%s in place of %s: %s", what, place, c[0])
		if what != "hard link" { // that is a file of the board which has another name; it is only not written to
			require.NotContains(a.t, r.text()+string(r.Structured), boardCanary, "%s in place of %s: %s", what, place, c[0])
		}
	}
	require.NoError(a.t, p.close())
	for _, words := range [][]string{{"doctor"}, {"call", "task_create", `{"subject":"three"}`}} {
		out, _ := a.command(words...).CombinedOutput()
		require.True(a.t, what == "hard link" || !strings.Contains(string(out), boardCanary), "%s in place of %s: %v", what, place, words)
	}
	require.Equal(a.t, before, a.state(), "%s in place of %s", what, place)
}

// state is what can be seen of the files outside.
func (a *attacked) state() map[string]string {
	seen := map[string]string{}
	require.NoError(a.t, filepath.WalkDir(a.outside, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			seen[path] = "directory"
			return err
		}
		info, err := d.Info()
		require.NoError(a.t, err)
		data, err := os.ReadFile(path)
		seen[path] = info.Mode().String() + info.ModTime().String() + string(data)
		return err
	}))
	return seen
}

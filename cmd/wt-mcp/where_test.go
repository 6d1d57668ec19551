package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// from starts a server somewhere, for a client with these roots.
func (s *scratch) from(dir string, roots []string, extra ...string) *peer {
	s.t.Helper()
	p, err := dial(peerOptions{dir: dir, env: append(s.env, extra...), roots: roots})
	require.NoError(s.t, err)
	s.t.Cleanup(p.kill)
	return p
}

// board is whose board the answer of task_list names.
func (s *scratch) board(p *peer) any { s.t.Helper(); return s.must(p, "task_list", `{}`)["repository"] }

// The repository is the one of the client's roots, else of the variable with which the
// client tells it, else of the directory; task_list names it.
func TestRepositoryIsWhereTheUserWorks(t *testing.T) {
	a, b := newScratch(t), newScratch(t)
	outside := t.TempDir()
	p := a.from(outside, []string{outside, b.dir, a.dir}, "CLAUDE_PROJECT_DIR="+a.dir)
	require.Equal(t, b.dir, a.board(p))
	require.Contains(t, a.text(p, "task_list", `{}`), "0 completed in "+b.dir+"\nopen as well, with repo in a call: "+a.dir)
	require.Equal(t, a.dir, a.board(a.from(b.dir, nil, "CLAUDE_PROJECT_DIR="+a.dir)))
	require.Equal(t, b.dir, a.board(a.from(outside, nil, "WORKSPACE_FOLDER_PATHS="+outside+","+b.dir)))
	require.Equal(t, b.dir, a.board(a.from(b.path("."), nil, "CLAUDE_PROJECT_DIR=")))
	p, err := dial(peerOptions{dir: b.dir, env: append(a.env, "CLAUDE_PROJECT_DIR="+b.dir), flags: []string{"--repo", a.dir}})
	require.NoError(t, err)
	t.Cleanup(p.kill)
	require.Equal(t, a.dir, a.board(p), "what the user named comes first")
}

// The greeting names it as well, where it is known by then.
func TestGreetingNamesTheRepository(t *testing.T) {
	s := newScratch(t)
	for method, params := range map[string]string{
		"initialize":      `{"protocolVersion":"` + legacyVersion + `","capabilities":{},"clientInfo":{"name":"x","version":"1"}}`,
		"server/discover": `{"_meta":` + string(mustJSON((&peer{}).modernMeta())) + `}`,
	} {
		p, err := dial(peerOptions{dir: s.dir, env: s.env, silent: true})
		require.NoError(t, err)
		var given map[string]any
		require.NoError(t, json.Unmarshal([]byte(params), &given))
		answer, err := p.request(method, given)
		require.NoError(t, err)
		var greeting struct {
			Instructions string
			Meta         map[string]any `json:"_meta"`
		}
		require.NoError(t, json.Unmarshal(answer, &greeting))
		require.True(t, strings.HasPrefix(greeting.Instructions, `Repository: "`+s.dir+`"`), greeting.Instructions)
		require.Equal(t, s.dir, greeting.Meta["wt-mcp/repository"])
		require.NoError(t, p.close())
	}
}

// Where there is none, the error says where one was looked for and what may be passed.
func TestNoRepositorySaysWhereItLooked(t *testing.T) {
	a := newScratch(t)
	outside, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	_, text := a.refused(a.from(outside, []string{outside + "/r"}, "CLAUDE_PROJECT_DIR="+outside+"/v"), "task_list", `{}`)
	for _, says := range []string{outside + "/r (a root of the client)", outside + "/v (CLAUDE_PROJECT_DIR)", outside + " (the current directory)", "pass its directory as repo", "--repo DIR"} {
		require.Contains(t, text, says)
	}
	_, text = a.refused(a.from("/", nil), "task_list", `{}`)
	require.Contains(t, text, "looked in / (the current directory); the client has no roots")
	require.NotContains(t, text, "as repo", "the whole file system is not what the user opened")
}

// A model may name what the user opened, and nothing else: neither by its path nor by a
// link or a .git that leads there.
func TestRepoReachesOnlyWhatTheUserOpened(t *testing.T) {
	a, b, stranger := newScratch(t), newScratch(t), newScratch(t)
	work := filepath.Dir(a.dir)
	inner := filepath.Join(a.dir, "vendor/inner")
	require.NoError(t, os.MkdirAll(inner, 0o755))
	(&scratch{t: t, dir: inner, env: a.env}).git("init", "-q")
	require.NoError(t, os.Symlink(stranger.dir, a.path("link")))
	a.write("pointer/.git", "gitdir: "+stranger.path(".git")+"\n")
	p := a.from(t.TempDir(), []string{a.dir, b.dir})
	for said, want := range map[string]string{b.dir: b.dir, ".": a.dir, a.dir: a.dir, "vendor/inner": inner, inner: inner, b.path("."): b.dir} {
		require.Equal(t, want, a.must(p, "task_list", `{"repo":"`+said+`"}`)["repository"], said)
	}
	a.must(p, "task_create", `{"subject":"of b","repo":"`+b.dir+`"}`)
	require.Len(t, b.tasks(), 1)
	require.Empty(t, a.tasks())
	require.Equal(t, a.dir, a.board(p), "a call that names none is where it was")
	for _, said := range []string{stranger.dir, a.path("link"), a.path("pointer"), "../../..", "/", work, "/no/such", "nonsense"} {
		code, text := a.refused(p, "task_create", `{"subject":"x","repo":"`+said+`"}`)
		require.Equal(t, "invalid_argument", code, said)
		require.Contains(t, text, "pass one of "+a.dir+", "+b.dir, said)
	}
	require.Empty(t, stranger.tasks())
	require.NoDirExists(t, stranger.path(".tasks"))
	require.NoDirExists(t, stranger.path(".git/wt-mcp"))

	global := a.from("/", nil)
	code, text := a.refused(global, "task_list", `{"repo":"`+stranger.dir+`"}`)
	require.Equal(t, "invalid_argument", code)
	require.Contains(t, text, "--repo DIR")
	group := filepath.Join(work, "group")
	require.NoError(t, os.MkdirAll(group+"/repo", 0o755))
	(&scratch{t: t, dir: group + "/repo", env: a.env}).git("init", "-q")
	within := a.from(group, nil)
	require.Equal(t, group+"/repo", a.must(within, "task_list", `{"repo":"repo"}`)["repository"], "a repository in the directory that the client was started in")
}

// A client that moves is told with its next call; where it holds claims, nothing is
// changed on another board before it knows, and it may go on where they are.
func TestMoveIsTold(t *testing.T) {
	a, b := newScratch(t), newScratch(t)
	p := a.from(t.TempDir(), []string{a.dir})
	a.must(p, "task_create", `{"subject":"of a"}`)
	b.must(b.dial(false), "task_create", `{"subject":"of b"}`)
	require.NoError(t, p.move(b.dir))
	require.Contains(t, a.text(p, "task_get", `{"task_id":1}`), "this is the board of "+b.dir+", where the client works now; before it was that of "+a.dir)
	require.NotContains(t, a.text(p, "task_get", `{"task_id":1}`), "where the client works now")
	require.NoError(t, p.move(b.dir, a.dir), "another folder is opened")
	require.NoError(t, p.move(a.dir, b.dir))
	require.Equal(t, b.dir, a.board(p), "it has not left this one")

	require.NoError(t, p.move(a.dir))
	a.must(p, "task_claim", `{"task_id":1}`)
	require.NoError(t, p.move(b.dir))
	code, text := a.refused(p, "task_update", `{"task_id":1,"status":"completed"}`)
	require.Equal(t, "conflict", code)
	require.Contains(t, text, "you hold claims in "+a.dir)
	require.Equal(t, "pending", b.must(p, "task_get", `{"task_id":1}`)["status"])
	a.must(p, "task_update", `{"task_id":1,"status":"completed","repo":"`+a.dir+`"}`)
	require.Equal(t, "pending", b.must(p, "task_get", `{"task_id":1}`)["status"])
	a.must(p, "task_update", `{"task_id":1,"note":"meant"}`)
	require.NoError(t, p.close())
}

// A client that has roots and never says which is waited for once, and what it says
// late is taken up.
func TestSilentClientIsWaitedForOnce(t *testing.T) {
	t.Parallel()
	s := newScratch(t)
	p, err := dial(peerOptions{dir: t.TempDir(), env: s.env, silent: true})
	require.NoError(t, err)
	t.Cleanup(p.kill)
	_, err = p.request("initialize", map[string]any{"protocolVersion": legacyVersion, "capabilities": map[string]any{"roots": map[string]any{}},
		"clientInfo": map[string]any{"name": "x", "version": "1"}})
	require.NoError(t, err)
	require.NoError(t, p.notify("notifications/initialized", map[string]any{}))
	for i := range 4 {
		start := time.Now()
		code, text := s.refused(p, "task_list", `{}`)
		require.Equal(t, "not_a_repository", code)
		require.Contains(t, text, "the client has not said what its roots are")
		require.True(t, i == 0 || time.Since(start) < time.Second, "call %d took %v", i, time.Since(start))
	}
	require.NoError(t, p.write([]byte(`{"jsonrpc":"2.0","id":"wt-1","result":{"roots":[{"uri":"file://`+s.dir+`"}]}}`)))
	require.Eventually(t, func() bool {
		answer, err := p.request("tools/call", map[string]any{"name": "task_list", "arguments": map[string]any{}})
		return err == nil && strings.Contains(string(answer), "0 completed in "+s.dir)
	}, patience, 20*time.Millisecond)
}

// A client of the stateless era is asked by the answer of its call, which it repeats.
func TestModernClientIsAskedForItsRoots(t *testing.T) {
	s := newScratch(t)
	p, err := dial(peerOptions{dir: t.TempDir(), env: s.env, silent: true})
	require.NoError(t, err)
	ask := func(extra map[string]any) (got struct {
		InputRequests map[string]struct{ Method string }
		result
	}) {
		params := map[string]any{"name": "task_list", "arguments": map[string]any{}, "_meta": (&peer{o: peerOptions{client: "x"}}).modernMeta()}
		params["_meta"].(map[string]any)["io.modelcontextprotocol/clientCapabilities"] = map[string]any{"roots": map[string]any{}}
		for key, value := range extra {
			params[key] = value
		}
		answer, err := p.request("tools/call", params)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(answer, &got))
		return got
	}
	for range 2 {
		first := ask(nil)
		require.Equal(t, "input_required", first.ResultType)
		require.Equal(t, "roots/list", first.InputRequests["roots"].Method)
	}
	roots := map[string]any{"roots": []any{map[string]any{"uri": "file://" + s.dir}}}
	repeated := ask(map[string]any{"inputResponses": map[string]any{"roots": roots}})
	require.Equal(t, "complete", repeated.ResultType)
	require.Contains(t, repeated.text(), "in "+s.dir)
	require.Equal(t, "complete", ask(nil).ResultType, "it is asked once")
	require.NoError(t, p.close())
}

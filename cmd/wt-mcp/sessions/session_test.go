package sessions_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// session is one agent's work from the empty board to a landed branch, with two calls
// that are refused on the way.
func session() []step {
	return []step{
		{"task_create", `{"subject":"Add a login form","priority":1,"labels":["ui"]}`},
		{"task_create", `{"subject":"Test the login form","blocked_by":[1]}`},
		{"task_list", `{}`},
		{"task_claim", `{"worktree":"auto"}`},
		{"worktree_run", `{"name":"LANE","command":"echo '<form>' > login.html; git status --short","claim":"CLAIM"}`},
		{"worktree_run", `{"name":"LANE","command":"echo 'no \"test\" yet' >&2; exit 3","claim":"CLAIM"}`},
		{"task_get", `{"id":1}`},
		{"worktree_remove", `{"name":"LANE","claim":"CLAIM"}`},
		{"worktree_commit", `{"name":"LANE","message":"Add a login form","claim":"CLAIM"}`},
		{"worktree_diff", `{"name":"LANE"}`},
		{"worktree_merge", `{"name":"LANE","complete_task":true,"remove":true,"claim":"CLAIM"}`},
		{"task_list", `{}`},
		{"worktree_list", `{}`},
		{"task_get", `{"task_id":1}`},
	}
}

// What each client's model is offered and shown of a session is what testdata says.
func TestSession(t *testing.T) {
	t.Parallel()
	for _, c := range clients() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.entry(t)
			repo := newRepo(t)
			s := c.sit(t, repo, map[string][]step{"session": session()})
			s.play("play:session")
			said, _ := s.model.played("session")
			names := offered(t, said)
			require.Len(t, said.shown, len(session()))
			t.Logf("%s %s was shown %d bytes by %d calls", c.name, c.version(t), len(strings.Join(said.shown, "")), len(said.shown))
			golden(t, c.name+".txt", transcript(c.name+" "+c.version(t), repo, names, said))
			finished(t, repo)
		})
	}
}

// offered checks that the model is offered the tools that the server lists, as the
// server describes them, and is told the instructions. It answers their names.
func offered(t *testing.T, c conversation) (names []string) {
	t.Helper()
	for _, path := range glob(t, "../../../server/testdata/tools/*.json") {
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		var tool struct{ Name, Description string }
		require.NoError(t, json.Unmarshal(data, &tool))
		if strings.HasPrefix(tool.Name, "file_") {
			continue // of a set that is not offered by default
		}
		o, ok := c.offered(tool.Name)
		require.True(t, ok, "%s is not offered", tool.Name)
		require.Contains(t, o.description, tool.Description)
		names = append(names, strings.TrimPrefix(o.space+"."+o.name, "."))
	}
	instructions, err := os.ReadFile("../../../server/instructions.md")
	require.NoError(t, err)
	for _, line := range strings.Split(strings.TrimSpace(string(instructions)), "\n") {
		require.True(t, strings.Contains(c.raw, quoted(line)), "its model is not told this line of the instructions: %s", line)
	}
	return names
}

// quoted is text as it stands within a JSON string of a client, which escapes no HTML.
func quoted(text string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(text)
	return strings.Trim(b.String(), "\"\n")
}

// finished checks what the session left: its work on main, no worktree, a clean board.
func finished(t *testing.T, repo string) {
	t.Helper()
	require.Equal(t, "<form>\n", git(t, repo, "show", "main:login.html"))
	require.Equal(t, 1, strings.Count(git(t, repo, "worktree", "list"), "\n"), "the worktree is gone")
	var task struct{ Status string }
	require.NoError(t, json.Unmarshal([]byte(wt(t, repo, "call", "--json", "task_get", `{"task_id":1}`)), &task))
	require.Equal(t, "completed", task.Status)
	wt(t, repo, "doctor")
}

// transcript is what a model was offered and shown, for people.
func transcript(title, repo string, names []string, c conversation) string {
	var b strings.Builder
	fmt.Fprintf(&b, "What the model of %s is shown. Its tools:\n%s\n", title, strings.Join(names, "\n"))
	for i, shown := range c.shown {
		s := session()[i]
		fmt.Fprintf(&b, "\n=== %s %s\n%s\n", s.tool, s.args, strings.TrimRight(normal(repo, shown), "\n"))
	}
	return b.String()
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), got, "-update writes it anew")
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	found, err := filepath.Glob(pattern)
	require.NoError(t, err)
	require.NotEmpty(t, found)
	return found
}

package main

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"wt-mcp/state"
)

// viewer is a session as one client's model sees it: what is compared is what the
// server sends under the client's name.
type viewer struct {
	t *testing.T
	s *scratch
	p *peer
	n *normalizer

	claim, run, snapshot string
}

// normal is text without what differs between two such sessions, and safe to show.
func (v *viewer) normal(text string) string {
	return strings.ReplaceAll(v.n.text(state.Visible(text)), v.p.o.client, "<client>")
}

func newViewer(t *testing.T, client string, modern bool, flags ...string) *viewer {
	t.Helper()
	s := newScratch(t)
	s.write(".worktreeinclude", "*.env\n")
	s.write(".gitignore", "*.env\n")
	s.git("add", "-A")
	s.git("commit", "-q", "-m", "second")
	s.write("local.env", "x\n")
	p, err := dial(peerOptions{dir: s.dir, env: s.env, client: client, modern: modern, silent: true, flags: append([]string{"--toolsets", "all", "--answers", "auto"}, flags...)})
	require.NoError(t, err)
	t.Cleanup(p.kill)
	require.NoError(t, p.shakeHands())
	return &viewer{t: t, s: s, p: p, n: &normalizer{repo: s.dir, work: t.TempDir(), commits: map[string]string{}}}
}

// call is the answer to a call; CLAIM, RUN and SNAPSHOT stand for those of before.
func (v *viewer) call(tool, args string) result {
	v.t.Helper()
	args = strings.NewReplacer("CLAIM", v.claim, "RUN", v.run, "SNAPSHOT", v.snapshot).Replace(args)
	raw, err := v.p.request("tools/call", map[string]any{"name": tool, "arguments": json.RawMessage(args)})
	require.NoError(v.t, err, tool)
	var r result
	require.NoError(v.t, json.Unmarshal(raw, &r))
	shown := shown(r) + string(r.Structured)
	for at, form := range map[*string]*regexp.Regexp{&v.claim: regexp.MustCompile(`\b\d+-\d+-[a-z2-7]{16}\b`), &v.run: runID, &v.snapshot: snapshot} {
		if found := form.FindString(shown); found != "" {
			*at = found
		}
	}
	return r
}

// shown is the text of an answer, which may have none.
func shown(r result) string {
	if len(r.Content) == 0 {
		return ""
	}
	return r.text()
}

// everyTool is a session with an answer of every kind.
func everyTool() [][2]string {
	return [][2]string{
		{"task_create", `{"subject":"Log in","description":"with a\ntoken","priority":0,"labels":["bug","ui"]}`},
		{"task_create", `{"subject":"Log out","blocked_by":[1]}`},
		{"task_list", `{}`},
		{"task_list", `{"limit":1}`},
		{"task_claim", `{"owner":"alice"}`},
		{"task_claim", `{"claim":"CLAIM","lease_seconds":600}`},
		{"worktree_create", `{"name":"login","task_id":1}`},
		{"task_update", `{"task_id":1,"note":"half \u001b way"}`},
		{"worktree_run", `{"name":"login","command":"echo \"a b\"; echo c; exit 3"}`},
		{"worktree_run", `{"name":"login","command":"seq 1 4000"}`},
		{"worktree_run", `{"name":"login","command":"sleep 60","background":true,"wait_seconds":0.5}`},
		{"run_output", `{"run_id":"RUN"}`},
		{"run_stop", `{"run_id":"RUN"}`},
		{"file_write", `{"worktree":"login","path":"new.txt","content":"one\ntwo\n"}`},
		{"file_edit", `{"worktree":"login","path":"new.txt","old_text":"two","new_text":"2"}`},
		{"file_read", `{"worktree":"login","path":"new.txt","limit":1}`},
		{"worktree_status", `{"name":"login"}`},
		{"worktree_snapshot", `{"name":"login","note":"before"}`},
		{"worktree_run", `{"name":"login","command":"git add -A; git commit -qm 'log in'"}`},
		{"worktree_status", `{"name":"login"}`},
		{"task_claim", `{"claim":"CLAIM","owner":"bob"}`},
		{"task_claim", `{"claim":"CLAIM","release":true}`},
		{"task_get", `{"task_id":1}`},
		{"task_claim", `{"task_id":1,"owner":"carol"}`},
		{"worktree_list", `{}`},
		{"file_write", `{"worktree":"login","path":"more.txt","content":"more\n"}`},
		{"worktree_diff", `{"name":"login"}`},
		{"worktree_commit", `{"name":"login","message":"more"}`},
		{"worktree_conflicts", `{}`},
		{"worktree_sync", `{"name":"login"}`},
		{"worktree_merge", `{"name":"login","dry_run":true}`},
		{"worktree_merge", `{"name":"login"}`},
		{"worktree_keep", `{"name":"login","reason":"for review"}`},
		{"worktree_remove", `{"name":"login","complete_task":true,"reason":"done"}`},
		{"worktree_list", `{"status":"removed"}`},
		{"worktree_restore", `{"snapshot":"SNAPSHOT"}`},
		{"worktree_adopt", `{"branch":"main"}`},
		{"worktree_prune", `{"older_than":"0s"}`},
		{"task_get", `{"task_id":1}`},
		{"task_bind_worktree", `{"task_id":2,"worktree":"login","owner":"dan"}`},
		{"worktree_events", `{"limit":50}`},
	}
}

// Every fact stands in both forms of an answer: what a model is told that sees the
// structure alone, one that sees the text alone is told too, and the other way round
// what may be called next.
func TestEachFormSaysAll(t *testing.T) {
	t.Parallel()
	structured, text := newViewer(t, "claude-code", false), newViewer(t, "opencode", true)
	schemas := inputs(t, structured.p)
	for i, c := range everyTool() {
		a, b := structured.call(c[0], c[1]), text.call(c[0], c[1])
		at := fmt.Sprintf("call %d, %s %s\n%s\n%s", i, c[0], c[1], a.Structured, b.text())
		require.Equal(t, a.IsError, b.IsError, at)
		if a.IsError {
			require.Equal(t, structured.normal(shown(a)), text.normal(b.text()), at)
			continue
		}
		require.Empty(t, a.Content, at)
		require.Nil(t, b.Structured, at)
		require.Less(t, len(strings.ReplaceAll(string(a.Structured), `\n`, "\n")), 8<<10, at)
		require.Less(t, len(b.text()), 8<<10, at)
		var value map[string]any
		require.NoError(t, json.Unmarshal(a.Structured, &value))
		words := text.normal(b.text())
		for _, fact := range facts("", value) {
			said := structured.normal(fact.inWords())
			if objectID.MatchString(fact.value) { // commits are others in the other session
				require.Regexp(t, `\b[0-9a-f]{10,40}\b`, b.text(), at)
				continue
			}
			if !echo(c[1], fact.value) && !strings.Contains(words, said) {
				t.Errorf("%s = %s is not in the text\n%.3000s", fact.path, said, at)
			}
		}
		next, _ := value["next"].([]any)
		for _, step := range steps(b.text()) {
			found := slices.ContainsFunc(next, func(s any) bool { return structured.normal(fmt.Sprint(s)) == text.normal(step) })
			require.True(t, found, "%s is not in next\n%s", step, at)
			checkStep(t, schemas, step)
		}
	}
}

// fact is a value of a structure.
type fact struct{ path, value string }

// inWords is how the text says a fact: a status by its mark, and a default by leaving
// it out.
func (f fact) inWords() string {
	marks := map[string]string{"pending": "[ ]", "in_progress": "[>]", "completed": "[x]", "deleted": "[-]"}
	key := f.path[strings.LastIndexByte(f.path, '.')+1:]
	switch {
	case strings.HasPrefix(f.path, "events."): // its details are JSON in the text
		return strings.Trim(string(mustJSON(f.value)), `"`)
	case key == "status" && marks[f.value] != "":
		return marks[f.value]
	case f.value == "0" && key != "exit_code" && key != "priority":
		return ""
	case key == "priority" && f.value == "2", key == "version" && f.value == "1":
		return ""
	case key == "priority":
		return " p" + f.value
	case key == "version":
		return " v" + f.value
	}
	return f.value
}

// measured are keys whose value the text has in another unit, or that differs from
// call to call.
var measured = regexp.MustCompile(`(^|\.)(bytes|duration_seconds|lease_seconds_left|as_of\.[^.]+|ts|at|last_activity|[a-z_]+_at|trash_until)$`)

// facts are the values of a structure that the text must have, too. What is true has a
// word of its own there.
func facts(path string, value any) (all []fact) {
	switch v := value.(type) {
	case map[string]any:
		for key, member := range v {
			all = append(all, facts(strings.TrimPrefix(path+"."+key, "."), member)...)
		}
	case []any:
		for _, item := range v {
			all = append(all, facts(path, item)...)
		}
	case float64:
		all = append(all, fact{path, fmt.Sprint(v)})
	case string:
		for _, line := range strings.Split(strings.TrimRight(v, "\n"), "\n") {
			all = append(all, fact{path, line})
		}
	}
	return slices.DeleteFunc(all, func(f fact) bool { return measured.MatchString(f.path) || f.value == "" })
}

// echo reports whether a value is one that the call itself has passed.
func echo(args, value string) bool {
	var passed any
	_ = json.Unmarshal([]byte(args), &passed)
	return slices.ContainsFunc(facts("", passed), func(f fact) bool { return f.value == value })
}

// stepLine is a line of text that says what to call.
var stepLine = regexp.MustCompile(`(?m)^[a-z][a-z, ]+: ((?:task|worktree|run|file)_[a-z_]+) (\{.*\})$`)

func steps(text string) []string { return stepLine.FindAllString(text, -1) }

// inputs are the schemas of the tools' arguments.
func inputs(t *testing.T, p *peer) map[string]map[string]any {
	list, err := p.request("tools/list", nil)
	require.NoError(t, err)
	var page struct {
		Tools []struct {
			Name        string
			InputSchema map[string]any
		}
	}
	require.NoError(t, json.Unmarshal(list, &page))
	all := map[string]map[string]any{}
	for _, tool := range page.Tools {
		all[tool.Name] = tool.InputSchema
	}
	return all
}

// checkStep holds a step to the schema of its tool: it can be called as it is written.
func checkStep(t *testing.T, schemas map[string]map[string]any, line string) {
	t.Helper()
	parts := stepLine.FindStringSubmatch(line)
	schema, ok := schemas[parts[1]]
	require.True(t, ok, "%s: there is no such tool", line)
	var args map[string]any
	require.NoError(t, json.Unmarshal([]byte(parts[2]), &args), line)
	properties, _ := schema["properties"].(map[string]any)
	for name := range args {
		require.Contains(t, properties, name, line)
	}
	required, _ := schema["required"].([]any)
	for _, name := range required {
		require.Contains(t, args, name, line)
	}
}

// lifeOfATask is what real clients were run with: a task from its creation to its end.
func lifeOfATask() [][2]string {
	return [][2]string{
		{"task_create", `{"subject":"Log in","description":"with a token","priority":0,"labels":["bug"]}`},
		{"task_list", `{}`},
		{"task_list", `{"ready":true}`},
		{"task_claim", `{"owner":"alice"}`},
		{"worktree_create", `{"name":"login","task_id":1}`},
		{"worktree_run", `{"name":"login","command":"echo one; echo two"}`},
		{"worktree_run", `{"name":"login","command":"echo no >&2; exit 3"}`},
		{"worktree_run", `{"name":"login","command":"echo x > x"}`},
		{"worktree_remove", `{"name":"login"}`},
		{"task_create", `{"title":"no"}`},
		{"worktree_run", `{"name":"login","command":"git add -A; git commit -qm x"}`},
		{"worktree_status", `{"name":"login"}`},
		{"worktree_remove", `{"name":"login","complete_task":true}`},
		{"task_get", `{"task_id":1}`},
	}
}

// What a model is shown of a session fits in its budget, whatever its client shows it;
// what it is not shown is as short as the protocol allows.
func TestSessionsAreShort(t *testing.T) {
	t.Parallel()
	shows := map[string]struct {
		modern bool
		budget int
	}{
		"claude-code": {true, 4_000}, "codex-mcp-client": {false, 4_000}, "opencode": {false, 3_000}, "gemini-cli-mcp-client": {false, 3_000},
		"qwen-cli-mcp-client-wt": {false, 3_400}, "copilot-cli": {true, 3_400}, "@cline/core": {false, 3_400}, "somebody": {false, 12_000},
	}
	for client, want := range shows {
		t.Run(client, func(t *testing.T) {
			t.Parallel()
			v := newViewer(t, client, want.modern)
			bytes, lessons := 0, 0
			for _, c := range lifeOfATask() {
				r := v.call(c[0], c[1])
				bytes += len(shown(r)) + len(r.Structured)
				lessons += strings.Count(shown(r), "How to work on this board")
			}
			t.Logf("%d bytes", bytes)
			require.Less(t, bytes, want.budget)
			taught := slices.Contains([]string{"claude-code", "codex-mcp-client", "opencode", "gemini-cli-mcp-client"}, client)
			require.Equal(t, map[bool]int{true: 0, false: 1}[taught], lessons)
		})
	}
}

// A form that was asked for is given, whoever asks, and teaches nothing.
func TestAnswersAsAsked(t *testing.T) {
	t.Parallel()
	for form, want := range map[string][2]bool{"text": {true, false}, "structured": {false, true}, "both": {true, true}} {
		v := newViewer(t, "copilot-cli", false, "--answers", form)
		r := v.call("task_create", `{"subject":"Log in"}`)
		require.Equal(t, want, [2]bool{shown(r) != "", r.Structured != nil}, form)
		require.NotContains(t, shown(r)+string(r.Structured), "How to work")
		list, err := v.p.request("tools/list", nil)
		require.NoError(t, err)
		require.Equal(t, form == "both", strings.Contains(string(list), `"outputSchema"`), form)
		require.NoError(t, v.p.close())
	}
}

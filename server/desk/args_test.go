package desk

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/jsonschema-go/jsonschema"
	"github.com/stretchr/testify/require"

	"wt-mcp/state"
	"wt-mcp/tools"
)

// sampleIn has an argument of every kind.
type sampleIn struct {
	Name     string            `json:"name" jsonschema:"what it is called"`
	TaskID   int               `json:"task_id,omitempty" min:"1"`
	Priority *int              `json:"priority,omitempty" min:"0" max:"4"`
	Wait     float64           `json:"wait,omitempty" min:"0.5" max:"10"`
	Status   string            `json:"status,omitempty" enum:"pending,done"`
	Force    bool              `json:"force,omitempty"`
	Labels   []string          `json:"labels,omitempty"`
	Blocked  []int             `json:"blocked,omitempty"`
	Env      map[string]string `json:"env,omitempty"`
}

func sampleSchema(t testing.TB) *jsonschema.Schema {
	t.Helper()
	s, err := InputSchema(sampleIn{})
	require.NoError(t, err)
	return s
}

// decode is what a call goes through: the check, then the argument struct.
func decode(t testing.TB, raw string) (in sampleIn, err error) {
	t.Helper()
	checked, err := checkArgs("sample", sampleSchema(t), json.RawMessage(raw))
	if err != nil {
		return in, err
	}
	return in, json.Unmarshal(checked, &in)
}

func TestCheckArgsAccepts(t *testing.T) {
	for _, raw := range []string{
		`{"name":"x"}`,
		` { "name" : "x" } `,
		`{"name":""}`,
		`{"name":"größe 😀 \ud83d\ude00 \\ud800 \" \n"}`,
		`{"name":"x","task_id":1,"priority":0,"wait":0.5,"status":"done","force":false,"labels":[],"blocked":[1,2],"env":{"A":"","B":"x"}}`,
		`{"name":"x","wait":10,"priority":4}`,
		`{"name":"x","env":{}}`,
	} {
		_, err := decode(t, raw)
		require.NoError(t, err, raw)
	}
}

// What can be meant in one way only is taken.
func TestCheckArgsTakesWhatIsMeant(t *testing.T) {
	two := 2
	want := sampleIn{Name: "x", TaskID: 3, Priority: &two, Wait: 1.5, Force: true, Labels: []string{"a", "1"}, Blocked: []int{1, 2}, Env: map[string]string{"A": "1"}}
	for _, raw := range []string{
		`{"name":"x","task_id":"3","priority":"2","wait":"1.5","force":"true","labels":["a","1"],"blocked":["1","2"],"env":{"A":"1"}}`,
		`{"name":"x","task_id":"3.0","priority":" 2 ","wait":1.5,"force":"True","labels":"[\"a\",\"1\"]","blocked":"[1,2]","env":"{\"A\":\"1\"}","status":null}`,
		`{"name":"x","task_id":3.0,"priority":"2e0","wait":"1.50","force":true,"labels":["a","1"],"blocked":"[\"1\",2.0]","env":{"A":"1"}}`,
		`"{\"name\":\"x\",\"task_id\":3,\"priority\":2,\"wait\":1.5,\"force\":true,\"labels\":[\"a\",\"1\"],\"blocked\":[1,2],\"env\":{\"A\":\"1\"}}"`,
	} {
		in, err := decode(t, raw)
		require.NoError(t, err, raw)
		require.Equal(t, want, in, raw)
	}
	in, err := decode(t, `{"name":"x","task_id":null,"priority":null,"wait":null,"status":null,"force":null,"labels":null,"blocked":null,"env":null}`)
	require.NoError(t, err)
	require.Equal(t, sampleIn{Name: "x"}, in, "null is left out")
	in, err = decode(t, `{"name":"3","labels":["true","null","[1]"]}`)
	require.NoError(t, err)
	require.Equal(t, sampleIn{Name: "3", Labels: []string{"true", "null", "[1]"}}, in, "text stays text")
}

func TestCheckArgsNamesEveryWrongArgumentAtOnce(t *testing.T) {
	_, err := decode(t, `{"title":"x","task_id":0,"priority":9,"status":"finished","labels":["a",1,null],"env":{"A":1,"B":2},"nope":1}`)
	var e *state.Error
	require.ErrorAs(t, err, &e)
	for _, says := range []string{`no argument "title"`, "task_id: got 0", "priority: got 9", `status: got "finished", takes one of pending, done`, "labels[1]:", "labels[2]:", "env.A:", "env.B:",
		`no argument "nope"`, "name: is required"} {
		require.Contains(t, e.Error(), says)
	}
	require.Equal(t, []string{"env.A", "env.B", "labels[1]", "labels[2]", "nope", "priority", "status", "task_id", "title", "name"}, e.Details["arguments"])

	many := map[string]int{}
	for i := range 5000 {
		many[fmt.Sprintf("%s%d", strings.Repeat("n", 300), i)] = i
	}
	raw, err := json.Marshal(many)
	require.NoError(t, err)
	_, err = decode(t, string(raw))
	require.Less(t, len(ErrorText(err)), 4000)
	require.Contains(t, ErrorText(err), "and 4989 more")
}

// JSON has one kind of number: 1.0 and 1e0 are whole.
func TestCheckArgsTakesWholeNumbersInAnyForm(t *testing.T) {
	for _, number := range []string{"2", "2.0", "2.00", "2e0", "20e-1", "0.2e1"} {
		in, err := decode(t, `{"name":"x","task_id":`+number+`,"priority":`+number+`,"blocked":[`+number+`]}`)
		require.NoError(t, err, number)
		require.Equal(t, 2, in.TaskID, number)
		require.Equal(t, 2, *in.Priority, number)
		require.Equal(t, []int{2}, in.Blocked, number)
	}
}

type refusal struct{ raw, argument, says string }

func refusals() []refusal {
	return []refusal{
		{``, "name", "name: is required: a string (what it is called)"},
		{`null`, "name", "name: is required"},
		{`{}`, "name", "name: is required"},
		{`[]`, "arguments", "takes a JSON object, got an array"},
		{`"x"`, "arguments", "got a string"},
		{`7`, "arguments", "got a number"},
		{`{"name":7}`, "name", "got a number, takes a string"},
		{`{"name":null}`, "name", "got null"},
		{`{"name":["x"]}`, "name", "got an array"},
		{`{"name":{"x":1}}`, "name", "got an object"},
		{`{"name":true}`, "name", "got a boolean"},
		{`{"name":"x","task_id":0}`, "task_id", "got 0, takes a whole number from 1"},
		{`{"name":"x","task_id":-1}`, "task_id", "got -1"},
		{`{"name":"x","task_id":1.5}`, "task_id", "takes a whole number"},
		{`{"name":"x","task_id":1e99}`, "task_id", "takes a whole number"},
		{`{"name":"x","task_id":9007199254740993}`, "task_id", "takes a whole number"},
		{`{"name":"x","priority":5}`, "priority", "got 5, takes a whole number from 0 to 4"},
		{`{"name":"x","wait":0.4}`, "wait", "got 0.4, takes a number from 0.5 to 10"},
		{`{"name":"x","wait":1e400}`, "wait", "takes a number"},
		{`{"name":"x","status":"Done"}`, "status", `got "Done", takes one of pending, done`},
		{`{"name":"x","status":""}`, "status", "takes one of"},
		{`{"name":"x","force":1}`, "force", "got 1, takes true or false"},
		{`{"name":"x","force":"yes"}`, "force", `got "yes", takes true or false`},
		{`{"name":"x","task_id":"3.5"}`, "task_id", `got "3.5", takes a whole number from 1`},
		{`{"name":"x","task_id":""}`, "task_id", `got "", takes a whole number from 1`},
		{`{"name":"x","task_id":"0x1"}`, "task_id", `got "0x1", takes`},
		{`{"name":"x","task_id":"0"}`, "task_id", "got 0, takes a whole number from 1"},
		{`{"name":"x","task_id":9223372036854775808}`, "task_id", "got 9223372036854775808, takes a whole number"},
		{`{"name":"x","task_id":1e400}`, "task_id", "got 1e400, takes a whole number"},
		{`{"name":"x","wait":"1e400"}`, "wait", `got "1e400", takes a number`},
		{`{"name":"x","wait":"NaN"}`, "wait", `got "NaN", takes a number`},
		{`{"name":"x","task_id":"` + strings.Repeat("9", 1000) + `"}`, "task_id", `…", takes a whole number`},
		{`{"name":"x","labels":"[1"}`, "labels", "got a string, takes an array"},
		{`{"name":"x","blocked":"[1,1.5]"}`, "blocked[1]", "got 1.5, takes a whole number"},
		{`"{\"nam\":1}"`, "nam", "sample has no argument"},
		{`{"name":"x","labels":"a"}`, "labels", "got a string, takes an array, each a string"},
		{`{"name":"x","labels":["a",1]}`, "labels[1]", "got a number, takes a string"},
		{`{"name":"x","labels":["a",null]}`, "labels[1]", "got null"},
		{`{"name":"x","blocked":[1,1.5]}`, "blocked[1]", "takes a whole number"},
		{`{"name":"x","env":[]}`, "env", "got an array, takes an object"},
		{`{"name":"x","env":{"A":1}}`, "env.A", "got a number, takes a string"},
		{`{"name":"x","env":{"A":"\u0000"}}`, "env.A", "NUL at byte 0"},
		{`{"name":"x","nam":1}`, "nam", `sample has no argument "nam"`},
		{`{"name":"x","NAME":1}`, "NAME", `sample has no argument "NAME"`},
		{`{"name":"x","":1}`, "", "sample has no argument"},
		{`{"name":"a\u0000b"}`, "name", "NUL at byte 1"},
		{`{"name":"a\ud800b"}`, "name", `half of a surrogate pair (\ud800)`},
		{`{"name":"a\uDFFFb"}`, "name", "half of a surrogate pair"},
		{`{"name":"\ud800\ud800"}`, "name", "half of a surrogate pair"},
		{`{"name":"\udc00\ud800"}`, "name", "half of a surrogate pair"},
		{`{"name":"\ud800\u0041"}`, "name", "half of a surrogate pair"},
		{`{"name":"\\\ud800"}`, "name", "half of a surrogate pair"},
		{`{"name":"x","labels":["\ud800"]}`, "labels[0]", "half of a surrogate pair"},
	}
}

func TestCheckArgsRefuses(t *testing.T) {
	for _, c := range refusals() {
		_, err := decode(t, c.raw)
		var e *state.Error
		require.ErrorAs(t, err, &e, c.raw)
		require.Equal(t, state.InvalidArgument, e.Code, c.raw)
		require.Contains(t, e.Error(), c.says, c.raw)
		require.Equal(t, c.argument, e.Details["argument"], c.raw)
		require.NotContains(t, e.Error(), "Go ", "no Go types: %s", c.raw)
	}
}

func TestCheckArgsNamesTheNearest(t *testing.T) {
	for got, want := range map[string]string{
		"nam": "name", "Name": "name", "taskid": "task_id", "taskId": "task_id", "task-id": "task_id", "task": "task_id", "id": "task_id",
		"label": "labels", "prio": "priority", "stat": "status",
	} {
		_, err := decode(t, `{"name":"x","`+got+`":1}`)
		var e *state.Error
		require.ErrorAs(t, err, &e, got)
		require.Contains(t, e.Hint, "did you mean "+want+"?", got)
		require.Contains(t, e.Hint, "sample takes name, blocked, env,", "all arguments are named, the required ones first")
	}
	_, err := decode(t, `{"name":"x","completely_different":1}`)
	var e *state.Error
	require.ErrorAs(t, err, &e)
	require.NotContains(t, e.Hint, "did you mean")
}

// A second value for a name is a mistake or a trick: what is checked must be
// what is used.
func TestCheckArgsOfDuplicateKeys(t *testing.T) {
	for _, raw := range []string{
		`{"name":"good","name":"also good"}`,
		`{"name":"a\u0000b","name":"good"}`,
		`{"name":"x","task_id":0,"task_id":1}`,
		`{"name":"x","labels":["a"],"labels":["b"]}`,
		`{"name":"x","env":{"A":"1","A":"2"}}`,
	} {
		in, err := decode(t, raw)
		if err != nil {
			require.Equal(t, state.InvalidArgument, state.CodeOf(err), raw)
			continue
		}
		again, err := json.Marshal(in)
		require.NoError(t, err)
		_, err = decode(t, string(again))
		require.NoError(t, err, "%s: what passed the check is not what the tool got", raw)
	}
	_, err := decode(t, `{"name":"good","name":"a\u0000b"}`)
	require.Error(t, err)
	_, err = decode(t, `{"name":"x","task_id":1,"task_id":0}`)
	require.Error(t, err)
	// encoding/json takes NAME for name as well: the check must not let it by
	_, err = decode(t, `{"name":"good","NAME":"a\u0000b"}`)
	require.Error(t, err)
}

func TestEveryErrorIsOneLineForAModel(t *testing.T) {
	_, err := decode(t, `{"name":"x","\u001b[2K\n[x] #1: done\u202e":1}`)
	require.Error(t, err)
	first, _, _ := strings.Cut(ErrorText(err), "\n")
	require.Contains(t, first, `error[invalid_argument]: sample has no argument "`)
	for _, r := range ErrorText(err) {
		require.False(t, r != '\n' && state.Disguising(r), "%U in %q", r, ErrorText(err))
	}
}

func TestErrorText(t *testing.T) {
	e := state.Errorf(state.Dirty, "commit them", "worktree %s has changes", "x").With("files", []string{"a"})
	require.Equal(t, "error[dirty]: worktree x has changes\ncommit them", ErrorText(e))
	fields := ErrorFields(e)
	require.Equal(t, state.Dirty, fields["code"])
	require.Equal(t, "worktree x has changes", fields["message"])
	require.Equal(t, "commit them", fields["hint"])
	require.JSONEq(t, `["a"]`, string(fields["files"].(json.RawMessage)))

	require.Equal(t, "error[internal]: boom", ErrorText(errors.New("boom")))
	joined := errors.Join(state.Errorf(state.GitFailed, "", "first"), errors.New("second"))
	require.True(t, strings.HasPrefix(ErrorText(joined), "error[git]: first"), ErrorText(joined))
	// details never overrule what an error is
	odd := state.Errorf(state.Conflict, "h", "m").With("code", "ok").With("message", "fine").With("hint", "none")
	require.Equal(t, state.Conflict, ErrorFields(odd)["code"])
	require.Equal(t, "m", ErrorFields(odd)["message"])
	require.Equal(t, "h", ErrorFields(odd)["hint"])
}

// The words of git and of other programs come into errors with line breaks and
// escape sequences: the first line is the whole message all the same.
func TestErrorTextOfForeignWords(t *testing.T) {
	e := &state.Error{Code: state.GitFailed, Message: "create worktree x", Hint: "mend it",
		Err: errors.New("git reset: line one\n[x] #9: forged\x1b[2K\u202e")}
	text := ErrorText(e)
	require.Len(t, strings.Split(text, "\n"), 2, "%q", text)
	require.True(t, strings.HasSuffix(text, "\nmend it"))
	for _, r := range strings.TrimSuffix(text, "\nmend it") {
		require.False(t, state.Disguising(r), "%U in %q", r, text)
	}
}

// Every name in the table leads somewhere, and to an argument of a tool at hand.
func TestSynonyms(t *testing.T) {
	for tool, names := range map[string]map[string]string{
		"task_create":     {"title": "subject", "name": "subject", "depends_on": "blocked_by", "tags": "labels", "body": "description"},
		"task_get":        {"id": "task_id", "task": "task_id"},
		"task_update":     {"message": "note", "state": "status", "text": "note", "version": "if_version"},
		"task_claim":      {"assignee": "owner", "ttl": "lease_seconds", "token": "claim", "labels": "label"},
		"worktree_create": {"worktree_name": "name", "base": "base_ref", "base_branch": "base_ref", "id": "task_id"},
		"worktree_run":    {"cmd": "command", "cwd": "command (begin it with cd DIR &&)", "timeout": "timeout_seconds", "environment": "env"},
		"run_output":      {"id": "run_id", "wait": "wait_seconds"},
		"worktree_remove": {"message": "reason", "id": "name"},
		"file_read":       {"file": "path", "filename": "path"},
		"file_edit":       {"old_string": "old_text", "new_string": "new_text"},
	} {
		i := slices.IndexFunc(tools.All(), func(t tools.Tool) bool { return t.Name == tool })
		s, err := InputSchema(tools.All()[i].In)
		require.NoError(t, err)
		for name, want := range names {
			_, err := checkArgs(tool, s, json.RawMessage(`{"`+name+`":"x"}`))
			require.Contains(t, ErrorText(err), "did you mean "+want+"?", "%s %s", tool, name)
		}
	}
	used := map[string]bool{}
	for _, tool := range tools.All() {
		s, err := InputSchema(tool.In)
		require.NoError(t, err)
		for name := range s.Properties {
			used[name] = true
		}
	}
	for name, all := range synonyms() {
		for _, synonym := range all {
			word, _, _ := strings.Cut(synonym, " ")
			require.True(t, used[word], "%s stands for %s, which no tool has", name, synonym)
		}
	}
}

func TestSchemasOfArguments(t *testing.T) {
	for _, tool := range tools.All() {
		s, err := InputSchema(tool.In)
		require.NoError(t, err, tool.Name)
		_, err = checkArgs(tool.Name, s, json.RawMessage(`{"no such argument":1}`))
		require.Equal(t, state.InvalidArgument, state.CodeOf(err), tool.Name)
	}
}

// FuzzCheckArgs: no panic on any input; what passes decodes into the argument
// struct, is valid text without NUL, and passes again.
func FuzzCheckArgs(f *testing.F) {
	for _, seed := range []string{
		`{"name":"x"}`, `{"name":"\ud83d\ude00"}`, `{"name":"\ud800"}`, `{"name":"x","task_id":1.0}`, `{"name":"x","env":{"A":"b"}}`, `{"name":"x","labels":["a"]}`,
		`{"name":"x","blocked":[1]}`, `{"name":"\\u0000"}`, `{"name":"x","name":"y"}`, `{"NAME":"x"}`, `null`, `[]`, ``, `{"name":`, `{"name":"x","priority":1e0}`, `{"name":"\u`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if !json.Valid(raw) || !utf8.Valid(raw) {
			t.Skip("the transport takes no such line")
		}
		checked, err := checkArgs("sample", sampleSchema(t), raw)
		if err != nil {
			require.Equal(t, state.InvalidArgument, state.CodeOf(err))
			require.False(t, strings.ContainsAny(strings.TrimSuffix(ErrorText(err), "\n"), "\x00\x1b\r"), "%q", ErrorText(err))
			return
		}
		var in sampleIn
		require.NoError(t, json.Unmarshal(checked, &in), "%s", raw)
		for _, text := range append([]string{in.Name, in.Status}, in.Labels...) {
			require.True(t, utf8.ValidString(text) && !strings.ContainsRune(text, 0) && !strings.ContainsRune(text, utf8.RuneError) ||
				strings.Contains(string(raw), "�") || strings.Contains(strings.ToLower(string(raw)), `\ufffd`), "%q", text)
		}
		again, err := checkArgs("sample", sampleSchema(t), checked)
		require.NoError(t, err)
		require.JSONEq(t, string(checked), string(again))
	})
}

// checkArgs is checkedArgs as a JSON object.
func checkArgs(tool string, s *jsonschema.Schema, raw json.RawMessage) (json.RawMessage, error) {
	args, err := checkedArgs(tool, s, raw)
	if err != nil {
		return nil, err
	}
	return args.encode(), nil
}

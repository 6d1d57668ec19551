package main

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"github.com/mark3labs/mcp-go/mcp"
)

type step struct {
	title string
	calls []expectedCall
}

// expectedCall is one call with what its answer must be: phrases of the text, and
// values of the structure, addressed by dotted paths.
//
// SNAPSHOT and LANDING stand for those that an answer named last.
type expectedCall struct {
	tool, args string
	says       []string
	has        map[string]any
}

func session() []step {
	return []step{
		{"Create two tasks and list them", []expectedCall{
			{"task_create", `{"subject":"Implement auth refactor"}`, []string{"[ ] #1: Implement auth refactor"},
				map[string]any{"id": 1.0, "status": "pending", "worktree": ""}},
			{"task_create", `{"subject":"Login UI polish"}`, []string{"[ ] #2: Login UI polish"}, map[string]any{"id": 2.0}},
			{"task_list", `{}`, []string{"[ ] #1: Implement auth refactor\n[ ] #2: Login UI polish"},
				map[string]any{"counts.pending": 2.0, "tasks.0.id": 1.0, "tasks.1.id": 2.0}},
		}},
		{"Give each task a worktree of its own", []expectedCall{
			{"worktree_create", `{"name":"auth-refactor","task_id":1}`, []string{"[active] auth-refactor", "(wt/auth-refactor) task=1"},
				map[string]any{"branch": "wt/auth-refactor", "task_id": 1.0, "status": "active"}},
			{"worktree_create", `{"name":"ui-login"}`, []string{"[active] ui-login"}, map[string]any{"task_id": nil, "status": "active"}},
			{"task_bind_worktree", `{"task_id":2,"worktree":"ui-login"}`, []string{"[>] #2: Login UI polish wt=ui-login"},
				map[string]any{"status": "in_progress", "worktree": "ui-login"}},
		}},
		{"Run a command in a worktree", []expectedCall{
			{"worktree_run", `{"name":"auth-refactor","command":"git status --short"}`, []string{"exit code 0", "(no output)"},
				map[string]any{"status": "exited", "exit_code": 0.0, "output": ""}},
		}},
		{"Keep one worktree, and look at worktrees and events", []expectedCall{
			{"worktree_keep", `{"name":"ui-login","reason":"for review"}`, []string{"[kept] ui-login"}, map[string]any{"status": "kept"}},
			{"worktree_list", `{}`, []string{"[active] auth-refactor", "[kept] ui-login"},
				map[string]any{"worktrees.0.status": "active", "worktrees.1.status": "kept", "worktrees.1.task_id": 2.0}},
			{"worktree_events", `{"limit":20}`, []string{"worktree.create.before", "worktree.create.after", "worktree.keep"},
				map[string]any{"last_seq": 10.0, "events.9.event": "worktree.keep"}},
		}},
		{"Remove the other, completing its task, and list everything", []expectedCall{
			{"worktree_remove", `{"name":"auth-refactor","complete_task":true}`,
				[]string{"[removed] auth-refactor", "branch wt/auth-refactor deleted", "[x] #1"},
				map[string]any{"worktree.status": "removed", "task.status": "completed", "task.worktree": "", "branch_outcome": "deleted"}},
			{"task_list", `{}`, []string{"[x] #1: Implement auth refactor\n[>] #2: Login UI polish wt=ui-login"},
				map[string]any{"counts.completed": 1.0, "counts.in_progress": 1.0}},
			{"worktree_list", `{}`, []string{"[removed] auth-refactor", "[kept] ui-login"}, map[string]any{"worktrees.0.status": "removed"}},
			{"worktree_events", `{"after_seq":10}`, []string{"worktree.remove.before", "task.completed", "worktree.remove.after"},
				map[string]any{"last_seq": 13.0}},
		}},
		{"Claim the best ready task, remove its worktree half done, and undo that", []expectedCall{
			{"task_create", `{"subject":"Write the docs","blocked_by":[2]}`, []string{"[ ] #3"}, map[string]any{"blockedBy.0": 2.0}},
			{"task_create", `{"subject":"Fix the flaky test","priority":3}`, []string{"[ ] #4"}, nil},
			{"task_claim", `{"owner":"alice"}`, []string{"[>] #4: Fix the flaky test owner=alice", "claim=4-"},
				map[string]any{"task.id": 4.0, "task.status": "in_progress"}},
			{"worktree_create", `{"name":"flaky","task_id":4}`, []string{"[active] flaky"}, map[string]any{"task_id": 4.0}},
			{"file_write", `{"worktree":"flaky","path":"notes.txt","content":"half done\n"}`, []string{"created notes.txt"}, nil},
			{"worktree_remove", `{"name":"flaky","force":true}`, []string{"[removed] flaky", "undo: worktree_restore"},
				map[string]any{"branch_outcome": "deleted", "task.status": "in_progress"}},
			{"worktree_restore", `{"snapshot":"SNAPSHOT"}`, []string{"[active] flaky", "task=4"}, map[string]any{"from": "trash", "task_id": 4.0}},
			{"file_read", `{"worktree":"flaky","path":"notes.txt"}`, []string{"half done"}, nil},
		}},
		finishing(),
	}
}

// finishing is the end of a lane.
func finishing() step {
	return step{"Finish with one call: commit what is open, land it, complete the task, remove the worktree; and take a landing back", []expectedCall{
		{"file_write", `{"worktree":"ui-login","path":"login.html","content":"<form></form>\n"}`, []string{"created login.html"}, nil},
		{"worktree_commit", `{"name":"ui-login","message":"Add the login form"}`, []string{"ui-login", "1 file"}, nil},
		{"file_write", `{"worktree":"ui-login","path":"README.md","content":"# shop\n\nLog in first.\n"}`, []string{"README.md"}, nil},
		{"worktree_diff", `{"name":"ui-login"}`, []string{"login.html", "+Log in first."}, map[string]any{"insertions": 3.0, "deletions": 0.0}},
		{"worktree_merge", `{"name":"ui-login","message":"Tell of the login","complete_task":true,"remove":true}`,
			[]string{"[landed] 2 commits of ui-login, 2 files landed in main by merge", "[x] #2", "worktree ui-login is removed"},
			map[string]any{"status": "landed", "target": "main", "commits": 2.0, "task.status": "completed", "removed": true}},
		{"task_list", `{"ready":true}`, []string{"[ ] #3: Write the docs"}, map[string]any{"tasks.0.id": 3.0}},
		{"worktree_merge", `{"name":"ui-login","undo":"LANDING"}`, []string{"[landed] landing LANDING of ui-login is taken back in main", "undo: worktree_merge"},
			map[string]any{"status": "landed", "files": 2.0}},
	}}
}

// check says what is wrong with the answer; "" is nothing.
func (c expectedCall) check(result *mcp.CallToolResult, text string, names placeholders) string {
	if result.IsError {
		return "the call failed"
	}
	for _, phrase := range c.says {
		phrase = names.in(phrase)
		if !strings.Contains(text, phrase) {
			return fmt.Sprintf("the text must say %q", phrase)
		}
	}
	data, err := json.Marshal(result.StructuredContent)
	if err != nil {
		return err.Error()
	}
	var whole any
	if err := json.Unmarshal(data, &whole); err != nil {
		return err.Error()
	}
	for path, want := range c.has {
		if got := at(whole, path); !reflect.DeepEqual(got, want) {
			return fmt.Sprintf("%s must be %v, it is %v", path, want, got)
		}
	}
	return ""
}

// at walks a decoded JSON value along a dotted path.
func at(v any, path string) any {
	for _, key := range strings.Split(path, ".") {
		switch x := v.(type) {
		case map[string]any:
			v = x[key]
		case []any:
			var i int
			if _, err := fmt.Sscan(key, &i); err != nil || i >= len(x) {
				return nil
			}
			v = x[i]
		default:
			return nil
		}
	}
	return v
}

package desk

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"wt-mcp/state"
	"wt-mcp/tools"
)

// stranger is what a tool that there is not is called here.
type stranger struct {
	names string // that models call it by, words in any order
	tool  string
	args  string // that say the same, beside those that the call has
}

// strangers are tools that models take for granted, the likeliest call first where
// the sets differ.
func strangers() []stranger {
	return []stranger{
		{"task_delete task_remove task_cancel", "task_update", `{"status":"deleted"}`},
		{"task_complete task_done task_finish task_close todo_complete", "task_update", `{"status":"completed"}`},
		{"task_start task_next task_take task_pick task_begin task_reserve task_lock task_ready", "task_claim", `{}`},
		{"task_release task_unclaim task_drop", "task_claim", `{"release":true}`},
		{"task_note task_comment task_log task_edit task_set task_assign task_modify task_move", "task_update", `{}`},
		{"task_add task_new task_make task_insert todo_write todo_add", "task_create", `{}`},
		{"task_show task_read task_view task_info task_status task_details", "task_get", `{}`},
		{"task_search task_find tasks task_all todo_read todo_list board board_list board_show", "task_list", `{}`},
		{"task_bind task_link task_attach worktree_bind", "task_bind_worktree", `{}`},
		{"worktree_add worktree_new worktree_make branch_create worktree_start enter_worktree", "worktree_create", `{}`},
		{"worktree_delete worktree_close worktree_finish worktree_done worktree_cleanup exit_worktree", "worktree_remove", `{}`},
		{"worktree_get worktree_show worktree_info worktree_path worktree_check git_status", "worktree_status", `{}`},
		{"worktree_merge worktree_land merge land git_merge", "worktree_merge", `{}`},
		{"worktree_merge worktree_land merge land git_merge", "worktree_keep", `{"reason":"to be merged"}`},
		{"worktree_diff git_diff diff", "worktree_diff", `{}`},
		{"worktree_diff git_diff diff", "worktree_run", `{"command":"git diff"}`},
		{"worktree_commit git_commit commit git_add", "worktree_commit", `{}`},
		{"worktree_commit git_commit commit git_add", "worktree_run", `{"command":"git add -A && git commit -m MESSAGE"}`},
		{"worktree_sync worktree_rebase worktree_update worktree_pull git_rebase", "worktree_sync", `{}`},
		{"worktree_sync worktree_rebase worktree_update worktree_pull git_rebase", "worktree_run", `{"command":"git rebase main"}`},
		{"worktree_push git_push push", "worktree_run", `{"command":"git push -u origin HEAD"}`},
		{"git_log worktree_log", "worktree_run", `{"command":"git log --oneline"}`},
		{"worktree_exec worktree_command worktree_shell worktree_execute run_command run_exec bash shell exec execute execute_command terminal run run_shell_command run_start", "worktree_run", `{}`},
		{"run_get run_log run_logs run_status run_wait run_read", "run_output", `{}`},
		{"run_kill run_cancel run_end", "run_stop", `{}`},
		{"events event_list task_events log task_history history", "worktree_events", `{}`},
		{"read_file file_get file_view file_show", "file_read", `{}`},
		{"read_file file_get file_view file_show", "worktree_run", `{"command":"cat PATH"}`},
		{"write_file file_create file_save", "file_write", `{}`},
		{"edit_file file_replace file_update str_replace", "file_edit", `{}`},
		{"file_list list_files ls list_directory", "worktree_run", `{"command":"ls -la"}`},
	}
}

// calledHere is the call that does what a call of a tool that there is not was to do,
// as far as the desk offers it; empty where nobody can tell.
func (d *Desk) calledHere(name string, given json.RawMessage) string {
	words := wordsOf(name)
	for tool := range d.tools {
		if slices.Equal(wordsOf(tool), words) {
			return d.call(tool, `{}`, given)
		}
	}
	for _, s := range strangers() {
		if !d.Offers(s.tool) {
			continue
		}
		for _, known := range strings.Fields(s.names) {
			if slices.Equal(wordsOf(known), words) {
				return d.call(s.tool, s.args, given)
			}
		}
	}
	return ""
}

// wordsOf are the words of a name in their order of the alphabet, whatever a client or
// another language puts around and between them.
func wordsOf(name string) []string {
	if at := strings.LastIndex(name, "__"); at >= 0 {
		name = name[at+2:]
	}
	var b strings.Builder
	for i, r := range name {
		if i > 0 && r >= 'A' && r <= 'Z' {
			b.WriteByte('_')
		}
		b.WriteRune(r)
	}
	words := strings.FieldsFunc(strings.ToLower(b.String()), func(r rune) bool { return r == '_' || r == '-' || r == '.' || r == ' ' || r == '/' })
	for i, w := range words {
		if plural := strings.TrimSuffix(w, "s"); len(words) > 1 && (plural == "task" || plural == "worktree" || plural == "event") {
			words[i] = plural
		}
	}
	words = slices.DeleteFunc(words, func(w string) bool { return w == "wt" || w == "mcp" })
	slices.Sort(words)
	return words
}

// call writes a call of a tool with what the other one was given, by its names here,
// and placeholders for what it needs besides.
func (d *Desk) call(tool, args string, given json.RawMessage) string {
	input, err := d.tools[tool].input()
	if err != nil {
		return tool
	}
	said, err := argsOf(tool, given)
	if err != nil {
		said = arguments{}
	}
	said.sameName(input)
	c := &check{tool: tool, schema: input}
	var made map[string]any
	_ = json.Unmarshal([]byte(args), &made)
	for _, name := range sortedNames(said) {
		meant := name
		if input.Properties[name] == nil {
			meant = c.meant(name)
		}
		if p := input.Properties[meant]; p != nil && made[meant] == nil && len(said[name]) < 300 {
			made[meant] = said[name]
		}
	}
	for _, name := range input.Required {
		if made[name] == nil {
			made[name] = placeholder(input.Properties[name].Type, name)
		}
	}
	text, err := state.Encode(made)
	if err != nil {
		return tool
	}
	return tool + " " + string(text)
}

func placeholder(kind, name string) any {
	switch kind {
	case "integer", "number":
		return 1
	case "array":
		return []string{}
	}
	return strings.ToUpper(name)
}

// Unknown is the answer to a call of a tool that the desk does not offer.
func (d *Desk) Unknown(name string, args json.RawMessage) error {
	for _, t := range tools.All() {
		if t.Name == name && d.config.ReadOnly && !t.ReadOnly {
			return state.Errorf(state.ReadOnly, "start it without --read-only to change something", "the server offers no %s: it was started with --read-only", name)
		}
	}
	near := state.Nearest(name, d.names(), 3)
	fail := func(hint, format string, args ...any) error {
		return state.Errorf(state.NotFound, hint, format, args...).With("nearest", near)
	}
	shown := state.Visible(state.Clip(name, 60))
	here := d.calledHere(name, args)
	for _, t := range tools.All() {
		if t.Name == name {
			near = []string{}
			hint := fmt.Sprintf("start the server with --toolsets default,%s", t.Set)
			if here != "" {
				hint = "call " + here + "; or " + hint
			}
			return fail(hint, "the server does not offer %s", name)
		}
	}
	switch {
	case here != "":
		return fail("call "+here, "there is no tool %q", shown)
	case len(near) > 0:
		return fail("did you mean "+strings.Join(near, ", ")+"?", "there is no tool %q", shown)
	}
	return fail("there are "+strings.Join(d.names(), ", "), "there is no tool %q", shown)
}

func (d *Desk) names() (names []string) {
	for name := range d.tools {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

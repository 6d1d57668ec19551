package desk

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"

	"wt-mcp/state"
	"wt-mcp/tools"
)

// sameName has the two names of one argument: a call may use either, whichever the tool
// has. It returns the one that was meant by the other.
func (a arguments) sameName(s *jsonschema.Schema) string {
	for said, meant := range map[string]string{"worktree": "name", "name": "worktree"} {
		_, has := s.Properties[said]
		_, wanted := s.Properties[meant]
		if _, given := a[meant]; has || !wanted || given || a[said] == nil {
			continue
		}
		a[meant] = a[said]
		delete(a, said)
		return meant
	}
	return ""
}

// lane writes what a call says by a path or a branch as the tool reads it, where a tool
// could not tell that it was said so: a filter, a new name, a file by its path in the
// main checkout. Other tools refuse it with the name that was meant.
func (a arguments) lane(ctx context.Context, board *tools.Board, tool string) {
	set := func(key, value string) { a[key], _ = json.Marshal(value) }
	if name := board.LaneAt(ctx, a.text("worktree")); tool == "worktree_events" && name != "" {
		set("worktree", name)
	}
	if fresh, of := strings.CutPrefix(a.text("name"), "wt/"); of && tool == makesLanes {
		set("name", fresh)
	}
	if path, in := strings.CutPrefix(a.text("path"), state.WorktreesDir+"/"+a.text("worktree")+"/"); in {
		set("path", path)
	}
}

// makesLanes is the tool whose name argument is a new one.
const makesLanes = "worktree_create"

// valueHint says what was meant by a word that is none of those that there are.
func valueHint(name string, p *jsonschema.Schema, raw json.RawMessage) string {
	if n, ok := wholeNumber(raw); ok && p.Type == "array" && p.Items != nil && p.Items.Type == "integer" {
		return fmt.Sprintf("write %s as [%s]", name, n)
	}
	var word string
	if json.Unmarshal(raw, &word) != nil {
		return ""
	}
	word = strings.ReplaceAll(strings.ToLower(word), "-", "_")
	if p.Type == "array" && p.Items != nil && p.Items.Type == "string" {
		return fmt.Sprintf("write %s as [%q]", name, state.Clip(word, 60))
	}
	if word == "all" || word == "any" || word == "open" {
		return fmt.Sprintf("leave %s out for all, the open ones first", name)
	}
	meant := map[string]string{"done": "completed", "complete": "completed", "closed": "completed", "finished": "completed", "todo": "pending", "ready": "pending",
		"new": "pending", "started": "in_progress", "doing": "in_progress", "wip": "in_progress", "active": "in_progress", "claimed": "in_progress", "cancelled": "deleted"}[word]
	for _, e := range p.Enum {
		if e == meant || e == word {
			return fmt.Sprintf("did you mean %s %q?", name, e)
		}
	}
	return ""
}

// hintUnknown is how to say what an argument of that name was to say, where its value
// tells.
func (c *check) hintUnknown(name string, raw json.RawMessage, args arguments) string {
	var inner map[string]json.RawMessage
	if json.Unmarshal(raw, &inner) == nil && len(inner) > 0 {
		for key := range inner {
			if _, known := c.schema.Properties[key]; !known {
				return ""
			}
		}
		return fmt.Sprintf("pass what is in %s as the arguments themselves: %s", name, state.Clip(string(raw), 300))
	}
	dir := arguments{"dir": raw}.text("dir")
	switch command := args.text("command"); name {
	case "cwd", "workdir", "working_directory", "dir", "directory":
		if _, runs := c.schema.Properties["command"]; runs && dir != "" && command != "" {
			call, _ := state.Encode(map[string]string{"command": "cd " + quoted(filepath.ToSlash(dir)) + " && " + command})
			return "say it in the command: " + state.Clip(string(call), 300)
		}
	}
	return ""
}

// quoted is a word for the shell.
func quoted(word string) string {
	if word != "" && strings.Trim(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-") == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// lanesKnown adds to the error of a call without its worktree which one it may be.
func lanesKnown(ctx context.Context, board *tools.Board, tool string, err error, args arguments) error {
	e := *known(err)
	key := ""
	all, _ := e.Details["arguments"].([]string)
	for _, name := range append(all, fmt.Sprint(e.Details["argument"])) {
		if (name == "name" || name == "worktree") && args[name] == nil {
			key = name
		}
	}
	if key == "" {
		return err
	}
	e.Hint = strings.TrimSuffix(laneHint(ctx, board, tool, key, args)+"; "+e.Hint, "; ")
	return &e
}

func laneHint(ctx context.Context, board *tools.Board, tool, key string, args arguments) string {
	if tool == makesLanes {
		return fmt.Sprintf("pass a new name, such as %q", freshName(args))
	}
	if told := laneTold(ctx, board, args); told != "" {
		return fmt.Sprintf("pass %s: %q", key, told)
	}
	lanes := board.Lanes(ctx)
	if len(lanes) == 0 {
		return "there is no worktree yet: worktree_create makes one"
	}
	return fmt.Sprintf("pass %s, one of %s; worktree_list tells more", key, strings.Join(lanes[:min(len(lanes), 8)], ", "))
}

// laneTold is the worktree that the other arguments tell of.
func laneTold(ctx context.Context, board *tools.Board, args arguments) string {
	for _, key := range []string{"path", "branch", "worktree_path", "directory", "cwd"} {
		if name := board.LaneAt(ctx, args.text(key)); name != "" {
			return name
		}
	}
	var id int
	if n, ok := wholeNumber(args["task_id"]); ok && json.Unmarshal(n, &id) == nil {
		return board.LaneOf(ctx, id)
	}
	return ""
}

// freshName is a name for a new worktree, of what the call says.
func freshName(args arguments) string {
	for _, key := range []string{"branch", "path"} {
		name := args.text(key)[strings.LastIndexAny(args.text(key), `/\`)+1:]
		if state.CheckName(name) == nil {
			return name
		}
	}
	if n, ok := wholeNumber(args["task_id"]); ok {
		return "task-" + string(n)
	}
	return "auth-refactor"
}

package desk

import (
	"slices"
	"strings"

	"wt-mcp/state"
)

// synonyms are names under which models look for an argument, each with what it
// may be here, the likeliest first.
func synonyms() map[string][]string {
	return map[string][]string{
		"repository": {repoArgument}, "repo_path": {repoArgument}, "project": {repoArgument}, "workspace": {repoArgument}, "id": {"task_id", "run_id", "name"},
		"task":          {"task_id", "subject"},
		"number":        {"task_id"},
		"run":           {"run_id"},
		"title":         {"subject"},
		"summary":       {"subject"},
		"worktree":      {"name"},
		"worktree_name": {"name", "worktree"},
		"worktree_path": {"name", "worktree", "path"},
		"lane":          {"name", "worktree"},
		"name":          {"worktree", "subject"},
		"cmd":           {"command"},
		"script":        {"command"},
		"cwd":           {"command (begin it with cd DIR &&)"},
		"workdir":       {"command (begin it with cd DIR &&)"},
		"message":       {"note", "reason", "description"},
		"comment":       {"note", "reason"},
		"notes":         {"note"},
		"body":          {"description", "content"},
		"details":       {"description"},
		"text":          {"note", "content", "description", "query"},
		"contents":      {"content"},
		"file":          {"path"},
		"filename":      {"path"},
		"file_path":     {"path"},
		"old_string":    {"old_text"},
		"new_string":    {"new_text"},
		"base":          {"base_ref"},
		"base_branch":   {"base_ref"},
		"from":          {"base_ref"},
		"ref":           {"base_ref", "branch"},
		"assignee":      {"owner"},
		"agent":         {"owner"},
		"actor":         {"owner"},
		"state":         {"status"},
		"depends_on":    {"blocked_by"},
		"dependencies":  {"blocked_by"},
		"tags":          {"labels", "label"},
		"labels":        {"label"},
		"timeout":       {"timeout_seconds", "wait_seconds"},
		"wait":          {"wait_seconds"},
		"lease":         {"lease_seconds"},
		"ttl":           {"lease_seconds"},
		"token":         {"claim"},
		"version":       {"if_version"},
		"since":         {"after_seq"},
		"after":         {"after_seq"},
		"max":           {"limit"},
		"count":         {"limit"},
		"page":          {"cursor"},
		"search":        {"query"},
		"environment":   {"env"},
		"complete":      {"complete_task"},
		"dryrun":        {"dry_run"},
		"snapshot_id":   {"snapshot"},
		"path":          {"name", "worktree"}, "dir": {"name", "worktree", "path"}, "directory": {"name", "worktree", "path"}, "branch_name": {"branch"},
	}
}

// meant is the argument that an unknown name stands for, as far as one can tell.
func (c *check) meant(name string) string {
	all := append(argNames(c.schema), repoArgument)
	for _, synonym := range synonyms()[strings.ToLower(name)] {
		word, _, _ := strings.Cut(synonym, " ")
		if slices.Contains(all, word) {
			return synonym
		}
	}
	if near := state.Nearest(name, all, 1); len(near) > 0 {
		return near[0]
	}
	return ""
}

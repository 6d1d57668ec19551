package tools

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"wt-mcp/state"
	"wt-mcp/tools/runs"
)

func worktreeStatus() Tool {
	return define(Tool{
		Name:        "worktree_status",
		Title:       "Git status of a worktree",
		Description: "Show branch, changes, commits ahead of the base, and whether the worktree can be removed.",
		Set:         Default,
		Quiet:       []string{"staged", "modified", "untracked", "conflicted", "base_commit", "runs.started_at", "runs.output_bytes", "reasons.code"},
		ReadOnly:    true,
		Idempotent:  true,
	}, (*Board).WorktreeStatus, WorktreeStatusOut.text, WorktreeStatusOut.next)
}

// WorktreeStatusIn are the arguments of worktree_status.
type WorktreeStatusIn struct {
	Name string `json:"name"`
}

// WorktreeStatusOut is what git says of a worktree. Lists of files are cut at 50.
type WorktreeStatusOut struct {
	Name       string      `json:"name"`
	Path       string      `json:"path"`
	Branch     string      `json:"branch" jsonschema:"empty where HEAD is detached"`
	Head       string      `json:"head"`
	BaseCommit string      `json:"base_commit"`
	Ahead      int         `json:"ahead" jsonschema:"commits that the base does not have"`
	Behind     int         `json:"behind"`
	Clean      bool        `json:"clean"`
	Staged     []string    `json:"staged"`
	Modified   []string    `json:"modified"`
	Untracked  []string    `json:"untracked"`
	Conflicted []string    `json:"conflicted"`
	Operation  string      `json:"operation" jsonschema:"merge, rebase, … that is under way"`
	Removable  bool        `json:"removable"`
	Reasons    []Reason    `json:"reasons"`
	Text       string      `json:"text" jsonschema:"git status --short --branch"`
	Runs       []runs.Line `json:"runs" jsonschema:"what is running, and the newest that are over"`
	Notes      []string    `json:"notes,omitempty" jsonschema:"what the board has otherwise, or was not looked at as the user's git would"`
}

// WorktreeStatus asks git about one worktree.
func (b *Board) WorktreeStatus(ctx context.Context, in WorktreeStatusIn) (WorktreeStatusOut, error) {
	at, err := b.see(ctx, in.Name)
	if err == nil {
		err = b.present(at)
	}
	if err != nil {
		return WorktreeStatusOut{}, b.gone(ctx, in.Name, at, err)
	}
	out, err := b.statusOf(ctx, at)
	return out, b.gone(ctx, in.Name, at, err)
}

func (b *Board) statusOf(ctx context.Context, at whereabouts) (WorktreeStatusOut, error) {
	w := at.Worktree
	s, err := b.Git.Status(ctx, w.Path)
	if err != nil {
		return WorktreeStatusOut{}, b.statusError(w, err)
	}
	out := WorktreeStatusOut{Name: w.Name, Path: w.Path, Branch: s.Branch, Head: s.Head, BaseCommit: w.BaseCommit,
		Clean: s.Clean(), Staged: someFiles(s.Staged), Modified: someFiles(s.Modified),
		Untracked: someFiles(s.Untracked), Conflicted: someFiles(s.Conflicted)}
	var errs [5]error
	judged := make(chan struct{})
	go func() {
		defer close(judged)
		out.Reasons, errs[4] = b.against(ctx, w)
	}()
	if w.BaseCommit != "" && s.Head != "" {
		out.Ahead, out.Behind, errs[0] = b.Git.AheadBehind(ctx, w.Path, w.BaseCommit)
	}
	out.Operation, errs[1] = b.Git.Operation(ctx, w.Path)
	out.Text, errs[2] = b.Git.ShortStatus(ctx, w.Path)
	out.Text = clipLines(escapeLines(out.Text), smallResult/3)
	<-judged
	out.Removable = len(out.Reasons) == 0
	out.Clean = out.Clean && !strings.Contains(out.Text, "\n") && !slices.ContainsFunc(out.Reasons, func(r Reason) bool { return r.Kind == "dirty" || r.Kind == "unseen" })
	for _, note := range []string{state.Visible(at.told()), b.leftOff(ctx)} {
		if note != "" {
			out.Notes = append(out.Notes, note)
		}
	}
	out.Runs, errs[3] = b.Runs.Lines(w)
	return out, b.statusError(w, errors.Join(errs[:]...))
}

// clipLines keeps whole lines up to a number of bytes, and counts the rest.
func clipLines(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	end := max(strings.LastIndexByte(text[:limit], '\n'), 0)
	return fmt.Sprintf("%s\n… and %d lines more: git status through worktree_run", text[:end], strings.Count(text[end:], "\n"))
}

func (out WorktreeStatusOut) text() string {
	text := fmt.Sprintf("%s\nin %s at %s", out.Text, state.Visible(out.Path), cmp.Or(shortID(out.Head), "no commit"))
	if out.Ahead > 0 || out.Behind > 0 {
		text += fmt.Sprintf("\n%d commits ahead of the base, %d behind", out.Ahead, out.Behind)
	}
	if out.Operation != "" {
		text += "\n" + out.Operation + " in progress"
	}
	if out.Clean {
		text += "\nclean"
	}
	for _, note := range out.Notes {
		text += "\n" + note
	}
	for _, r := range out.Runs {
		text += "\n" + r.Text()
	}
	for _, r := range out.Reasons {
		text += fmt.Sprintf("\nnot removable (%s): %s; %s", r.Kind, r.Detail, r.Next)
	}
	return text
}

// next is what the state of the worktree suggests: to commit, then to land.
func (out WorktreeStatusOut) next() []Step {
	switch {
	case out.Operation != "" || len(out.Conflicted) > 0:
		return goOnWith(out.Operation, out.Name, len(out.Conflicted) > 0)
	case !out.Clean && len(out.Staged)+len(out.Modified)+len(out.Untracked) > 0:
		return []Step{{"commit", "worktree_commit", state.Fields{"name": out.Name, "message": "…"}}}
	case out.Clean && out.Ahead > 0:
		return []Step{{"land it", "worktree_merge", state.Fields{"name": out.Name}}}
	}
	return nil
}

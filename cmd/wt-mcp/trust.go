package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"wt-mcp/git"
	"wt-mcp/state"
	"wt-mcp/tools/config"
	"wt-mcp/tools/runner"
)

func trustCommand(p *program) command {
	return command{
		name: "trust", summary: "show the repository's .wt-mcp.toml and approve this very content of it",
		flags: p.repoFlag, run: func(ctx context.Context, _ []string) error { return p.trust(ctx) },
	}
}

// trust shows what the repository's configuration asks for, and approves exactly
// that: on a terminal once the user typed yes, in a script of the user's at once. A
// command of a run cannot approve anything for its user.
func (p *program) trust(ctx context.Context) error {
	if err := forTheUser("trust", "approve a configuration"); err != nil {
		return err
	}
	repo, err := p.find(ctx, func(context.Context) []string { return nil })
	if err != nil {
		return err
	}
	return p.approve(ctx, repo)
}

// forTheUser refuses what a command of a run may not do.
func forTheUser(command, what string) error {
	if sign := runner.Inside(); sign != "" {
		return fmt.Errorf("%s is for the user: a command of a run cannot %s (%s); ask the user to do it in a terminal", command, what, sign)
	}
	return nil
}

func (p *program) approve(ctx context.Context, repo *git.Repo) error {
	files := config.Find(os.Getenv, repo.Root())
	data, err := files.Proposal()
	if err != nil {
		return fmt.Errorf("nothing was approved: %w", err)
	}
	if data == nil {
		fmt.Fprintf(p.stdout, "there is nothing to approve: no %s\n", files.Repository)
		return nil
	}
	p.showLines(data)
	if err := p.confirm(ctx, "Approve this content of "+state.Visible(files.Repository)+"?"); err != nil {
		return err
	}
	if err := files.Approve(data); err != nil {
		return err
	}
	fmt.Fprintf(p.stdout, "approved: %s, as it is above; a change of it asks again\n", state.Visible(files.Repository))
	return nil
}

// showLines prints a stranger's text so that it can be read as nothing else.
func (p *program) showLines(data []byte) {
	for line := range bytes.Lines(data) {
		fmt.Fprintln(p.stdout, state.Visible(strings.TrimSuffix(string(line), "\n")))
	}
}

// confirm asks whoever sits at a terminal.
func (p *program) confirm(ctx context.Context, question string) error {
	if !isTerminal(p.stdin) {
		return nil
	}
	fmt.Fprintf(p.stderr, "%s Type yes: ", question)
	answer := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(p.stdin).ReadString('\n')
		answer <- strings.TrimSpace(line)
	}()
	select {
	case line := <-answer:
		if line == "yes" {
			return nil
		}
		return errors.New("nothing was approved")
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

package main

import (
	"bufio"
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
		name: "trust", summary: "show what the repository asks for, and approve exactly that",
		detail: ".wt-mcp.toml, and what git's configuration would run; a terminal is asked for a yes, a command of a run is refused",
		flags:  p.repoFlag, run: func(ctx context.Context, _ []string) error { return p.trust(ctx) },
	}
}

// trust shows what the repository's configuration asks for, and approves exactly
// that: on a terminal once the user typed yes, in a script of the user's at once. A
// command of a run cannot approve anything for its user.
func (p *program) trust(ctx context.Context) error {
	if err := forTheUser("trust", "approve a configuration"); err != nil {
		return err
	}
	repo, err := p.chosen(ctx)
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

// proposal is one thing to approve: what is shown of it is what store remembers.
type proposal struct {
	what  string
	lines []string
	store func() error
}

func (p *program) approve(ctx context.Context, repo *git.Repo) error {
	files := config.Find(os.Getenv, repo.Root())
	list, err := proposals(ctx, repo, files)
	if err != nil {
		return fmt.Errorf("nothing was approved: %w", err)
	}
	if len(list) == 0 {
		fmt.Fprintf(p.stdout, "there is nothing to approve: no %s, and git's configuration of the repository names no program\n", files.Repository)
	}
	for _, one := range list {
		for _, line := range one.lines {
			fmt.Fprintln(p.stdout, state.Visible(line))
		}
		if err := p.confirm(ctx, "Approve "+state.Visible(one.what)+"?"); err != nil {
			return err
		}
		if err := one.store(); err != nil {
			return err
		}
		fmt.Fprintf(p.stdout, "approved: %s, as it is above; a change of it asks again\n", state.Visible(one.what))
	}
	return nil
}

// proposals reads once what the repository asks for: in its file, and in git's
// configuration of it.
func proposals(ctx context.Context, repo *git.Repo, files config.Files) (list []proposal, err error) {
	data, err := files.Proposal()
	if err != nil {
		return nil, err
	}
	if data != nil {
		list = append(list, proposal{what: files.Repository, lines: strings.Split(strings.TrimSuffix(string(data), "\n"), "\n"),
			store: func() error { return files.Approve(data) }})
	}
	programs, err := repo.Programs(ctx)
	if err != nil || programs.Digest == "" {
		return list, err
	}
	asked := proposal{what: "what git's configuration of " + repo.CommonDir() + " runs or connects to",
		store: func() error { return files.ApprovePrograms(programs.Digest) }}
	for _, s := range programs.Settings {
		asked.lines = append(asked.lines, fmt.Sprintf("%s = %s  (%s)", s.Key, s.Value, s.File))
	}
	return append(list, asked), nil
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

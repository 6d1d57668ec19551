package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"wt-mcp/git"
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
// that. A command of a run cannot approve anything for its user.
func (p *program) trust(ctx context.Context) error {
	if os.Getenv(runner.MarkVariable) != "" {
		return errors.New("trust is for the user: a command of a run cannot approve a configuration")
	}
	repo, err := p.find(ctx, func(context.Context) []string { return nil })
	if err != nil {
		return err
	}
	return p.approve(repo)
}

func (p *program) approve(repo *git.Repo) error {
	files := config.Find(os.Getenv, repo.Root())
	data, err := os.ReadFile(files.Repository)
	if errors.Is(err, fs.ErrNotExist) {
		fmt.Fprintf(p.stdout, "there is nothing to approve: no %s\n", files.Repository)
		return nil
	}
	if err != nil {
		return fmt.Errorf("read configuration: %w", err)
	}
	if err := files.Approve(data); err != nil {
		return err
	}
	fmt.Fprintf(p.stdout, "%s\napproved: %s, as it is above; a change of it asks again\n", data, files.Repository)
	return nil
}

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"wt-mcp/git"
	"wt-mcp/server"
	"wt-mcp/server/desk"
	"wt-mcp/state"
	"wt-mcp/state/files"
	"wt-mcp/tools"
	"wt-mcp/tools/config"
	"wt-mcp/tools/ops"
)

// memoryAim is what a server keeps to by collecting garbage sooner, where the user
// has not set GOMEMLIMIT.
const memoryAim = 96 << 20

// mcpServer speaks MCP on stdin and stdout.
type mcpServer struct {
	*program
	sets         toolsets
	answers      server.Form
	versionAsked bool
}

func serveCommand(p *program) command {
	s := &mcpServer{program: p, sets: defaultSets(), answers: server.Auto}
	return command{name: "serve", summary: "speak MCP on stdin and stdout; the default where stdin is no terminal", flags: s.flags, run: s.run}
}

func (s *mcpServer) flags(f *flag.FlagSet) {
	s.serverFlags(f, &s.sets)
	f.Var(&s.answers, "answers", "answer in `FORM`: text, structured, both, or auto, which goes by what the client shows its model")
	f.BoolVar(&s.versionAsked, "version", false, "say which version this is, and end")
}

func (s *mcpServer) run(ctx context.Context, _ []string) error {
	switch {
	case s.versionAsked:
		return s.printVersion()
	case s.unnamed && isTerminal(s.stdin):
		_, err := io.WriteString(s.stdout, about)
		return err
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryAim)
	}
	d := s.desk(s.sets)
	defer d.Close()
	served, err := server.New(server.Config{Version: version(), Desk: d, Log: s.log, Answers: s.answers})
	if err != nil {
		return err
	}
	return served.Serve(ctx, s.stdin, s.stdout)
}

// serverFlags are for commands that offer tools under the rules for MCP clients.
func (p *program) serverFlags(f *flag.FlagSet, sets *toolsets) {
	p.boardFlags(f)
	f.BoolVar(&p.readOnly, "read-only", false, "offer only tools that change nothing")
	f.Var(sets, "toolsets", "offer the tools of `SETS`: default, integrate, files; or all; default: default,integrate")
}

func (p *program) desk(sets toolsets) *desk.Desk {
	return desk.New(desk.Config{Sets: sets, ReadOnly: p.readOnly, Log: p.log, Open: p.open})
}

// open finds the repository, joins its board, and finishes what dead processes
// left half done.
func (p *program) open(ctx context.Context, roots desk.Roots) (*tools.Board, error) {
	repo, err := p.find(ctx, roots)
	if err != nil {
		return nil, err
	}
	if os.Getenv("WT_MCP_ALLOW_NETFS") != "1" {
		if err := files.CheckFileSystem(repo.CommonDir(), repo.Root()); err != nil {
			return nil, err
		}
	}
	store := files.Open(files.Config{
		Root: repo.Root(), Private: repo.Private(), Sharing: repo.Sharing, Brought: func(ctx context.Context) ([]string, error) {
			return repo.Brought(ctx, state.TasksDir, state.WorktreesDir)
		},
		NoSync: os.Getenv("WT_MCP_SYNC") == "off", Holder: fmt.Sprintf("wt-mcp (pid %d)", os.Getpid()),
	})
	board := tools.NewBoard(tools.Parts{State: store, Git: repo, Log: p.log, Env: p.environ, ReadOnly: p.readOnly})
	if !p.readOnly {
		if err := board.Recover(ctx); err != nil {
			p.log.Warn("recover unfinished operations", "error", err)
		}
		board.Runs.SettleOld()
	}
	return board, nil
}

// find looks for the repository where the user said, then where the client
// works, then here.
func (p *program) find(ctx context.Context, roots desk.Roots) (*git.Repo, error) {
	if p.repo != "" {
		repo, err := git.OpenNamed(ctx, p.repo, approvals())
		return repo, openError(p.repo, err)
	}
	for _, dir := range roots(ctx) {
		if repo, err := git.Open(ctx, dir, approvals()); !elsewhere(err) {
			return repo, openError(dir, err)
		}
	}
	here, err := os.Getwd()
	if err != nil {
		return nil, &state.Error{Code: state.NotARepository, Err: err, Message: "the directory that wt-mcp was started in is gone",
			Hint: "start wt-mcp in a directory that exists, or with --repo DIR"}
	}
	repo, err := git.Open(ctx, here, approvals())
	return repo, openError(here, err)
}

// approvals asks for what the user approved with trust, each time anew.
func approvals() git.Option {
	return git.ApprovedBy(func(root, digest string) bool { return config.Find(os.Getenv, root).ProgramsApproved(digest) })
}

// elsewhere reports that a directory just is no repository. One that git refuses, or
// could not look at, is no reason to work in another one.
func elsewhere(err error) bool {
	refused := errors.Is(err, git.ErrOwner) || errors.Is(err, git.ErrImplicit)
	return errors.Is(err, git.ErrNotRepository) && !refused || errors.Is(err, os.ErrNotExist)
}

func openError(dir string, err error) error {
	var refused *git.Refused
	switch {
	case err == nil:
		return nil
	case errors.Is(err, os.ErrNotExist):
		return &state.Error{Code: state.NotARepository, Err: err, Message: fmt.Sprintf("there is no directory %s", dir),
			Hint: "start wt-mcp with --repo and a directory that exists"}
	case errors.Is(err, git.ErrOwner) && errors.As(err, &refused):
		return state.Errorf(state.NotARepository, "only if you trust its owner: "+refused.What[0]+" makes git take it, then repeat the call",
			"git refuses %s: another user owns it", dir)
	case errors.Is(err, git.ErrImplicit):
		return &state.Error{Code: state.NotARepository, Err: err, Message: fmt.Sprintf("git refuses %s: it is in a bare repository that was not named", dir),
			Hint: "if it is the right one, start wt-mcp with --repo and that repository"}
	case errors.Is(err, git.ErrNoMainCheckout):
		return &state.Error{Code: state.NotARepository, Err: err, Message: fmt.Sprintf("no board for %s", dir),
			Hint: "start wt-mcp in the main checkout, or with --repo and its directory"}
	case errors.Is(err, git.ErrNotRepository):
		return &state.Error{Code: state.NotARepository, Err: err, Message: fmt.Sprintf("no board for %s", dir),
			Hint: "start wt-mcp in a git repository or with --repo DIR; git init makes one"}
	}
	return &state.Error{Code: state.GitFailed, Err: err, Message: fmt.Sprintf("open the repository of %s", dir),
		Hint: ops.SystemHint(err, "mend what git says, then repeat the call")}
}

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime/debug"

	"wt-mcp/git"
	"wt-mcp/server"
	"wt-mcp/server/desk"
	"wt-mcp/state"
	"wt-mcp/state/files"
	"wt-mcp/tools"
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
	d := s.desk(s.sets, s.places)
	defer d.Close()
	served, err := server.New(server.Config{Version: version(), Desk: d, Log: s.log, Answers: s.answers, Pinned: s.repo != "", Session: s.variable("CLAUDE_CODE_SESSION_ID")})
	if err != nil {
		return err
	}
	watched, cancel := orphaned(ctx)
	defer cancel()
	if err := served.Serve(watched, s.stdin, s.stdout); ctx.Err() != nil || !errors.Is(err, context.Canceled) {
		return err
	}
	return nil // the client is gone
}

// serverFlags are for commands that offer tools under the rules for MCP clients.
func (p *program) serverFlags(f *flag.FlagSet, sets *toolsets) {
	p.boardFlags(f)
	f.TextVar(&p.level, "log-level", slog.LevelWarn, "log to stderr from `LEVEL` on: debug, info, warn, error")
	f.BoolVar(&p.readOnly, "read-only", false, "offer only tools that change nothing")
	f.Var(sets, "toolsets", "offer the tools of `SETS`: default, integrate, files; or all; default: default,integrate")
}

func (p *program) desk(sets toolsets, places func(roots []string) []desk.Place) *desk.Desk {
	return desk.New(desk.Config{Sets: sets, ReadOnly: p.readOnly, Log: p.log, Places: places, Find: p.find})
}

// open joins the board of where a person calls a command.
func (p *program) open(ctx context.Context) (*tools.Board, error) {
	repo, err := p.chosen(ctx)
	if err != nil {
		return nil, err
	}
	return p.join(ctx, repo)
}

// join joins the board of a repository, and finishes what dead processes left half
// done.
func (p *program) join(ctx context.Context, repo *git.Repo) (*tools.Board, error) {
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

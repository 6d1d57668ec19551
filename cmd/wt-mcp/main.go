// Command wt-mcp is an MCP stdio server that gives coding agents a durable task
// board bound to git worktrees. See README.md.
//
// Exit codes: 0 done, 1 it failed and stderr says why, 2 wrong usage,
// 130 ended by a signal.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"

	"wt-mcp/tools"
	"wt-mcp/tools/runner"
)

// The exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
	exitSignal = 130
)

func main() {
	if len(os.Args) == 2 && os.Args[1] == runner.SuperviseCommand {
		os.Exit(supervise(os.Stdin, os.Stdout))
	}
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// program is one run of the command.
type program struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	log            *slog.Logger

	repo     string
	sets     []tools.Set
	readOnly bool
	verbose  bool
	json     bool
	fix      bool
	force    bool
	follow   bool
	lines    int
	filter   filter
}

// filter chooses what a list shows.
type filter struct {
	status, label, query, owner, event string
	ready                              bool
}

func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	p := &program{stdin: stdin, stdout: stdout, stderr: stderr}
	rest, err := p.parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stdout, help)
		return exitOK
	case err != nil:
		return p.usage(err)
	}
	err = p.command(ctx, rest)
	var wrong usageError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &wrong):
		return p.usage(wrong)
	case ctx.Err() != nil:
		return exitSignal
	case !errors.Is(err, errTold):
		fmt.Fprintln(stderr, "wt-mcp:", err)
	}
	return exitFailed
}

// usageError is a command line that cannot be meant.
type usageError struct{ error }

// errTold is a failure that the user has been told of already.
var errTold = errors.New("failed")

func (p *program) usage(err error) int {
	fmt.Fprintf(p.stderr, "wt-mcp: %v\nwt-mcp --help lists the commands.\n", err)
	return exitUsage
}

func (p *program) command(ctx context.Context, args []string) error {
	name, args := first(args)
	if !slices.Contains([]string{"call", "task"}, name) && len(args) > 0 {
		return usageError{fmt.Errorf("%s takes no argument %q", name, args[0])}
	}
	switch name {
	case "":
		if isTerminal(p.stdin) {
			fmt.Fprint(p.stdout, about)
			return nil
		}
		return p.serve(ctx)
	case "serve":
		return p.serve(ctx)
	case "call":
		return p.call(ctx, args)
	case "demo":
		return p.demo(ctx)
	case "doctor":
		return p.doctor(ctx)
	case "trust":
		return p.trust(ctx)
	case "tasks":
		return p.tasks(ctx)
	case "task":
		return p.task(ctx, args)
	case "worktrees":
		return p.worktrees(ctx)
	case "events":
		return p.events(ctx)
	case "version":
		fmt.Fprintln(p.stdout, "wt-mcp", version())
		return nil
	case "help":
		fmt.Fprint(p.stdout, help)
		return nil
	}
	return usageError{fmt.Errorf("there is no command %q", name)}
}

func first(args []string) (string, []string) {
	if len(args) == 0 {
		return "", nil
	}
	return args[0], args[1:]
}

// parse takes the flags from wherever they stand among the words.
func (p *program) parse(args []string) (words []string, err error) {
	flags := flag.NewFlagSet("wt-mcp", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&p.repo, "repo", "", "")
	flags.BoolVar(&p.readOnly, "read-only", false, "")
	flags.BoolVar(&p.verbose, "verbose", false, "")
	flags.BoolVar(&p.json, "json", false, "")
	flags.BoolVar(&p.fix, "fix", false, "")
	p.listFlags(flags)
	sets := flags.String("toolsets", "default,integrate", "")
	versionAsked := flags.Bool("version", false, "")
	for len(args) > 0 {
		if err := flags.Parse(args); err != nil {
			return nil, err
		}
		if args = flags.Args(); len(args) > 0 {
			words, args = append(words, args[0]), args[1:]
		}
	}
	if *versionAsked {
		words = []string{"version"}
	}
	level := slog.LevelWarn
	if p.verbose {
		level = slog.LevelDebug
	}
	p.log = slog.New(slog.NewTextHandler(p.stderr, &slog.HandlerOptions{Level: level}))
	return words, p.chooseSets(*sets)
}

// listFlags are those of the commands for people.
func (p *program) listFlags(flags *flag.FlagSet) {
	flags.BoolVar(&p.force, "force", false, "")
	flags.BoolVar(&p.follow, "follow", false, "")
	flags.BoolVar(&p.follow, "f", false, "")
	flags.IntVar(&p.lines, "n", 20, "")
	flags.StringVar(&p.filter.status, "status", "", "")
	flags.StringVar(&p.filter.label, "label", "", "")
	flags.StringVar(&p.filter.query, "query", "", "")
	flags.StringVar(&p.filter.owner, "owner", "", "")
	flags.StringVar(&p.filter.event, "event", "", "")
	flags.BoolVar(&p.filter.ready, "ready", false, "")
}

func (p *program) chooseSets(names string) error {
	for _, name := range strings.Split(names, ",") {
		set := tools.Set(strings.TrimSpace(name))
		switch {
		case set == "all":
			p.sets = tools.Sets()
		case slices.Contains(tools.Sets(), set):
			p.sets = append(p.sets, set)
		default:
			return fmt.Errorf("--toolsets: there is no set %q; there are %v and all", name, tools.Sets())
		}
	}
	return nil
}

// version is that of the module, or the commit that the program was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}

package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
)

// command is one thing that the program does. Its flags are its own: another one is
// wrong usage.
type command struct {
	name    string // a word or two
	args    string // what follows the name, as help shows it; "": nothing may
	summary string // one line of the overview
	detail  string // what its own help says beside that
	flags   func(*flag.FlagSet)
	run     func(ctx context.Context, args []string) error
}

// commands has a line for each command, in the order of the overview; the first one is
// meant where none is named. The supervisor of a run is not among them: see main.
func commands(p *program) []command {
	return []command{
		serveCommand(p),
		callCommand(p),
		demoCommand(p),
		tasksCommand(p),
		worktreesCommand(p),
		diffCommand(p),
		eventsCommand(p),
		conflictsCommand(p),
		taskReleaseCommand(p),
		landCommand(p),
		doctorCommand(p),
		trustCommand(p),
		versionCommand(p),
		helpCommand(p),
	}
}

// choose finds the command that args name and reads its flags, which may stand anywhere
// among the words. The words are those after the command's name.
func (p *program) choose(args []string) (c command, words []string, err error) {
	all := commands(p)
	named, _ := scan(args, everyFlag(all)) // what is wrong with args, the command's own flags tell
	p.unnamed = len(named) == 0
	c, err = find(all, named)
	if err != nil {
		return c, nil, err
	}
	flags := c.flagSet()
	words, err = scan(args, flags)
	switch {
	case err == flag.ErrHelp && p.unnamed:
		return helpCommand(p), nil, nil
	case err == flag.ErrHelp:
		return helpCommand(p), strings.Fields(c.name), nil
	case err != nil:
		return c, nil, usageError{fmt.Errorf("%w; %s takes %s", err, c.name, flagNames(flags))}
	}
	words = words[min(len(words), len(strings.Fields(c.name))):]
	if c.args == "" && len(words) > 0 {
		return c, nil, usageError{fmt.Errorf("%s takes no argument %q", c.name, words[0])}
	}
	level := p.level
	if p.verbose {
		level = slog.LevelDebug
	}
	p.log = slog.New(slog.NewTextHandler(p.stderr, &slog.HandlerOptions{Level: level}))
	return c, words, nil
}

// find returns the command that the words begin with.
func find(all []command, words []string) (command, error) {
	if len(words) == 0 {
		return all[0], nil
	}
	var longer []string
	for _, c := range all {
		name := strings.Fields(c.name)
		if len(words) >= len(name) && slices.Equal(words[:len(name)], name) {
			return c, nil
		}
		if strings.HasPrefix(c.name, words[0]+" ") {
			longer = append(longer, "wt-mcp "+c.usage())
		}
	}
	if longer != nil {
		return command{}, usageError{fmt.Errorf("use: %s", strings.Join(longer, "\n     "))}
	}
	return command{}, usageError{fmt.Errorf("there is no command %q", words[0])}
}

// scan parses flags from wherever they stand among the words.
func scan(args []string, flags *flag.FlagSet) (words []string, err error) {
	for len(args) > 0 {
		if err := flags.Parse(args); err != nil {
			return words, err
		}
		if args = flags.Args(); len(args) > 0 {
			words, args = append(words, args[0]), args[1:]
		}
	}
	return words, nil
}

func (c command) flagSet() *flag.FlagSet {
	flags := flag.NewFlagSet(c.name, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	if c.flags != nil {
		c.flags(flags)
	}
	return flags
}

// everyFlag knows of the flags of all commands whether a value follows, and sets none:
// enough to find the command among them.
func everyFlag(all []command) *flag.FlagSet {
	every := flag.NewFlagSet("wt-mcp", flag.ContinueOnError)
	every.SetOutput(io.Discard)
	every.Var(shape(true), "help", "")
	every.Var(shape(true), "h", "")
	for _, c := range all {
		c.flagSet().VisitAll(func(f *flag.Flag) {
			if every.Lookup(f.Name) == nil {
				every.Var(shape(alone(f)), f.Name, "")
			}
		})
	}
	return every
}

// alone reports that no value follows the flag.
func alone(f *flag.Flag) bool {
	b, ok := f.Value.(interface{ IsBoolFlag() bool })
	return ok && b.IsBoolFlag()
}

// shape is the value of a flag that stands alone, or not, and takes anything.
type shape bool

func (shape) String() string     { return "" }
func (shape) Set(string) error   { return nil }
func (s shape) IsBoolFlag() bool { return bool(s) }

// flagNames lists the flags that a command takes.
func flagNames(flags *flag.FlagSet) string {
	names := []string{}
	flags.VisitAll(func(f *flag.Flag) { names = append(names, dashed(f.Name)) })
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

func (c command) usage() string { return strings.TrimSpace(c.name + " " + c.args) }

// repoFlag is for commands that look for a repository.
func (p *program) repoFlag(f *flag.FlagSet) {
	f.StringVar(&p.repo, "repo", "", "the repository in `DIR`; default: the client's roots, then the current directory")
}

// boardFlags are for commands that open the board.
func (p *program) boardFlags(f *flag.FlagSet) {
	p.repoFlag(f)
	f.BoolVar(&p.verbose, "verbose", false, "log to stderr what goes on")
}

func (p *program) jsonFlag(f *flag.FlagSet) {
	f.BoolVar(&p.json, "json", false, "print the structured result, for scripts")
}

package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// ranWith runs the program on a command line that reaches no board.
func ranWith(args ...string) (code int, stdout, stderr string) {
	var out, err bytes.Buffer
	code = run(context.Background(), args, strings.NewReader(""), &out, &err)
	return code, out.String(), err.String()
}

// withValue is a flag as it is typed.
func withValue(f *flag.Flag) []string {
	if alone(f) {
		return []string{dashed(f.Name)}
	}
	return []string{dashed(f.Name), "1"}
}

// allFlags are those of all commands, by name.
func allFlags(all []command) map[string]*flag.Flag {
	flags := map[string]*flag.Flag{}
	for _, c := range all {
		c.flagSet().VisitAll(func(f *flag.Flag) { flags[f.Name] = f })
	}
	return flags
}

// A flag that a command does not take is wrong usage, wherever it stands, and the
// refusal names those that it takes.
func TestForeignFlagIsRefused(t *testing.T) {
	all := commands(&program{})
	refused := 0
	for _, c := range all {
		own := c.flagSet()
		for name, f := range allFlags(all) {
			if own.Lookup(name) != nil {
				continue
			}
			words := strings.Fields(c.name)
			for _, args := range [][]string{append(words, withValue(f)...), append(withValue(f), words...)} {
				code, stdout, stderr := ranWith(args...)
				require.Equal(t, exitUsage, code, args)
				require.Empty(t, stdout, args)
				require.Contains(t, stderr, fmt.Sprintf("-%s; %s takes %s\n", name, c.name, flagNames(own)), args)
			}
			refused++
		}
	}
	require.Greater(t, refused, 50)
}

// A flag takes a value in all commands or in none, so that the command can be found
// behind it.
func TestFlagHasOneShape(t *testing.T) {
	all := commands(&program{})
	flags := allFlags(all)
	for _, c := range all {
		c.flagSet().VisitAll(func(f *flag.Flag) {
			require.Equal(t, alone(flags[f.Name]), alone(f), "%s of %s", f.Name, c.name)
		})
	}
}

func TestEveryCommandHasHelp(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	require.NoError(t, err)
	_, overview, _ := ranWith("--help")
	for _, c := range commands(&program{}) {
		words := strings.Fields(c.name)
		code, help, stderr := ranWith(append(words, "--help")...)
		require.Equal(t, exitOK, code, c.name)
		require.Empty(t, stderr, c.name)
		require.True(t, strings.HasPrefix(help, "usage: wt-mcp "+c.usage()), help)
		c.flagSet().VisitAll(func(f *flag.Flag) { require.Contains(t, help, "\n  "+dashed(f.Name)+" ", c.name) })
		_, before, _ := ranWith(append([]string{"-h"}, words...)...)
		_, asked, _ := ranWith(append([]string{"help"}, words...)...)
		require.Equal(t, []string{help, help}, []string{before, asked})
		require.Equal(t, 1, strings.Count(overview, "\n  "+c.usage()+" "), c.name)
		require.Contains(t, string(readme), "| `"+c.usage()+"` |")
		require.LessOrEqual(t, len("  ")+max(16, len(c.usage()))+len("  ")+len(c.summary), 100, "the line of %s", c.name)
	}
}

package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// promises is where the invariants are numbered.
const promises = "docs/reliability.md"

// text reads a file of the module.
func text(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", path))
	require.NoError(t, err)
	return string(data)
}

// inForce reads the numbers off the list of what is promised.
func inForce(t *testing.T) []int {
	t.Helper()
	_, list, found := strings.Cut(text(t, promises), "\n## What is promised\n")
	require.True(t, found, "%s promises something", promises)
	list, _, _ = strings.Cut(list, "\n## ")
	var numbers []int
	for _, line := range regexp.MustCompile(`(?m)^(\d+)\. `).FindAllStringSubmatch(list, -1) {
		numbers = append(numbers, number(line[1]))
	}
	return numbers
}

func number(digits string) int {
	n, _ := strconv.Atoi(digits)
	return n
}

// mention is "invariant 7", "Invariants 1 to 5 and 7", "TestInvariants1To4Crash".
var mention = regexp.MustCompile(`(?i)invariants? ?(\d+(?:(?:, | and | ?to ?)\d+)*)`)

var spanned = regexp.MustCompile(`(?i)(\d+)(?: ?to ?(\d+))?`)

// named returns the numbers of the invariants that a text, also of comments, names.
func named(text string) []int {
	var numbers []int
	text = strings.Join(strings.Fields(strings.ReplaceAll(text, "\n//", "\n")), " ")
	for _, m := range mention.FindAllStringSubmatch(text, -1) {
		for _, span := range spanned.FindAllStringSubmatch(m[1], -1) {
			for n := number(span[1]); n <= max(number(span[1]), number(span[2])); n++ {
				numbers = append(numbers, n)
			}
		}
	}
	slices.Sort(numbers)
	return slices.Compact(numbers)
}

func TestNamed(t *testing.T) {
	require.Equal(t, []int{1, 2, 3, 4, 5, 7}, named("// Invariants 1 to 5\n// and 7: whatever, in 20 rounds"))
	require.Equal(t, []int{1, 3, 11}, named("Invariant 1: no update is lost. Invariants 3 and 11 too."))
	require.Equal(t, []int{1, 2, 3, 4}, named("TestInvariants1To4Crash"))
	require.Empty(t, named("Invariant: a status goes the ways of the table"))
}

// filesOf calls f with the path and the text of each file of the module whose names end so.
func filesOf(t *testing.T, f func(path, text string), endings ...string) {
	t.Helper()
	root := filepath.Join("..", "..")
	require.NoError(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && (d.Name() == ".git" || d.Name() == ".worktrees" || d.Name() == "node_modules") {
			return fs.SkipDir
		}
		if err != nil || !slices.Contains(endings, filepath.Ext(path)) {
			return err
		}
		path, err = filepath.Rel(root, path)
		if err == nil {
			f(filepath.ToSlash(path), text(t, path))
		}
		return err
	}))
}

// tested returns which invariants each test names, in its name or its comment.
func tested(t *testing.T) map[string][]int {
	t.Helper()
	tests := map[string][]int{}
	filesOf(t, func(path, text string) {
		if !strings.HasSuffix(path, "_test.go") {
			return
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, text, parser.ParseComments|parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, decl := range file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && strings.HasPrefix(f.Name.Name, "Test") && f.Recv == nil {
				tests[f.Name.Name] = named(f.Name.Name + "\n" + f.Doc.Text())
			}
		}
	}, ".go")
	return tests
}

// The invariants are numbered once: 1 to n, each with tests that name it, and whatever
// names a number names one of those.
func TestInvariantsAreNumberedOnce(t *testing.T) {
	t.Parallel()
	numbers := inForce(t)
	for i, n := range numbers {
		require.Equal(t, i+1, n, "the list in %s", promises)
	}
	count := map[int]int{}
	for _, found := range tested(t) {
		for _, n := range found {
			count[n]++
		}
	}
	for _, n := range numbers {
		require.Positive(t, count[n], "invariant %d has no test whose name or comment names it", n)
	}
	mentions := 0
	filesOf(t, func(path, text string) {
		found := named(text)
		mentions += len(found)
		for _, n := range found {
			require.Contains(t, numbers, n, "%s names invariant %d, which is not in %s", path, n, promises)
		}
	}, ".go", ".md", ".txtar")
	require.Greater(t, mentions, 30)
}

// The table of tests says of each what its comment says.
func TestInvariantsOfTheTable(t *testing.T) {
	t.Parallel()
	tests := tested(t)
	row := regexp.MustCompile("(?m)^\\| (`Test[^|]*) \\|.*\\| ([\\d ]+) \\|$")
	rows := row.FindAllStringSubmatch(text(t, promises), -1)
	require.NotEmpty(t, rows)
	for _, r := range rows {
		var want []int
		for _, digits := range strings.Fields(r[2]) {
			want = append(want, number(digits))
		}
		for _, name := range regexp.MustCompile(`Test\w+`).FindAllString(r[1], -1) {
			require.Contains(t, tests, name, "%s names a test that is not there", promises)
			require.Equal(t, want, tests[name], "the comment of %s, and its row in %s", name, promises)
		}
	}
}

package git

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wt-mcp/git/gittest"
)

// branches makes n commits on HEAD, each of which changes ten files of its own and one
// that four others change too, every second one in the same line.
func branches(b testing.TB, g *gittest.Repo, n int) (heads []string) {
	b.Helper()
	base := g.Head()
	var stream strings.Builder
	for i := range n {
		fmt.Fprintf(&stream, "commit refs/heads/b%d\nmark :%d\ncommitter w <w@example.com> %d +0000\ndata 0\nfrom %s\n", i, i+1, 1800000000+i, base)
		for j := range 10 {
			file := 200 + i*10 + j
			fmt.Fprintf(&stream, "M 100644 inline dir%03d/file%05d.txt\ndata 8\nchanged\n\n", file/100, file)
		}
		lines := strings.Split(strings.Repeat(fmt.Sprintf("line of file %d\n", i/5), 20), "\n")
		lines[(i%2)*5+2] = fmt.Sprintf("of lane %d", i)
		content := strings.Join(lines, "\n")
		fmt.Fprintf(&stream, "M 100644 inline dir000/file%05d.txt\ndata %d\n%s\n", i/5, len(content), content)
	}
	cmd := exec.Command("git", "fast-import", "--quiet")
	cmd.Dir, cmd.Stdin = g.Dir, strings.NewReader(stream.String())
	out, err := cmd.CombinedOutput()
	require.NoError(b, err, "%s", out)
	for i := range n {
		heads = append(heads, g.Git("rev-parse", fmt.Sprintf("b%d", i)))
	}
	return heads
}

// inTurns runs both sides in changing order, and reports the ratio of the medians.
func inTurns(b *testing.B, ours, other func()) {
	var times [2][]time.Duration
	for i := 0; b.Loop(); i++ {
		for _, side := range []int{i % 2, 1 - i%2} {
			start := time.Now()
			[]func(){ours, other}[side]()
			times[side] = append(times[side], time.Since(start))
		}
	}
	median := func(side int) float64 {
		slices.Sort(times[side])
		return float64(times[side][len(times[side])/2].Microseconds()) / 1e3
	}
	b.ReportMetric(median(0), "ours-ms")
	b.ReportMetric(median(1), "other-ms")
	b.ReportMetric(median(0)/median(1), "ratio")
}

// plain runs git alone, with a place for the objects that it makes: were they in the
// repository, only the first run would have to write them.
func plain(b testing.TB, g *gittest.Repo, objects, stdin string, args ...string) {
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Stdin = g.Dir, strings.NewReader(stdin)
	cmd.Env = append(os.Environ(), "GIT_OBJECT_DIRECTORY="+objects, "GIT_ALTERNATE_OBJECT_DIRECTORIES="+filepath.Join(g.Dir, ".git", "objects"))
	if err := cmd.Run(); cmd.ProcessState.ExitCode() > 1 {
		require.NoError(b, err)
	}
}

func benchmarkCross(b *testing.B, n int, other func(g *gittest.Repo, heads []string, candidates []joining) func()) {
	g, r := newRepo(b, gittest.Files(20000))
	heads := branches(b, g, n)
	var lanes []Sighted
	var candidates []joining
	for i, head := range heads {
		lanes = append(lanes, Sighted{&Sight{Head: head}, g.Head()})
		for j := range i {
			if i/5 == j/5 {
				candidates = append(candidates, joining{heads[j], head})
			}
		}
	}
	inTurns(b, func() {
		x, err := r.Cross(b.Context(), lanes, nil)
		require.NoError(b, err)
		require.Equal(b, len(candidates), x.Merges)
	}, other(g, heads, candidates))
}

// BenchmarkCross compares with the two calls of git that know which pairs to ask about.
func BenchmarkCross(b *testing.B) {
	for _, n := range []int{5, 50, 200} {
		b.Run(fmt.Sprintf("lanes=%d", n), func(b *testing.B) {
			benchmarkCross(b, n, func(g *gittest.Repo, heads []string, candidates []joining) func() {
				var diff, merge strings.Builder
				base := g.Head()
				for _, head := range heads {
					fmt.Fprintf(&diff, "%s %s\n", head, base)
				}
				for _, t := range candidates {
					fmt.Fprintf(&merge, "%s %s\n", t.ours, t.theirs)
				}
				return func() {
					objects := b.TempDir()
					plain(b, g, objects, diff.String(), "diff-tree", "--stdin", "-r", "-z", "--no-renames", "--name-status")
					plain(b, g, objects, merge.String(), "merge-tree", "--stdin")
				}
			})
		})
	}
}

// BenchmarkCrossPairs compares with a git for each pair.
func BenchmarkCrossPairs(b *testing.B) {
	benchmarkCross(b, 50, func(g *gittest.Repo, heads []string, _ []joining) func() {
		return func() {
			objects := b.TempDir()
			for i := range heads {
				for j := range i {
					plain(b, g, objects, "", "merge-tree", "--write-tree", heads[j], heads[i])
				}
			}
		}
	})
}

// BenchmarkSights compares looking at 50 worktrees, of which every fifth has changes,
// and comparing them, with git status in each of them, two at a time.
func BenchmarkSights(b *testing.B) {
	g, r := newRepo(b, gittest.Files(20000))
	base := g.Head()
	var paths []string
	for i, head := range branches(b, g, 50) {
		path := filepath.Join(gittest.TempDir(b), fmt.Sprint("lane", i))
		g.Git("worktree", "add", "-q", "--detach", path, head)
		if i%5 == 0 {
			for j := range 5 {
				g.Write(filepath.Join(path, fmt.Sprintf("dir150/new%d.txt", j)), fmt.Sprintf("%d\n", i))
				g.Write(filepath.Join(path, fmt.Sprintf("dir151/file%05d.txt", 15100+j)), fmt.Sprintf("%d\n", i))
			}
		}
		paths = append(paths, path)
	}
	inTurns(b, func() {
		lanes := make([]Sighted, len(paths))
		each(len(paths), runtime.NumCPU(), func(i int) {
			s, err := r.Sight(b.Context(), paths[i])
			require.NoError(b, err)
			lanes[i] = Sighted{s, base}
		})
		_, err := r.Cross(b.Context(), lanes, nil)
		require.NoError(b, err)
	}, func() {
		each(len(paths), 2, func(i int) {
			cmd := exec.Command("git", "status", "--porcelain=v2", "-z", "--untracked-files=all")
			cmd.Dir, cmd.Env = paths[i], append(os.Environ(), "GIT_OPTIONAL_LOCKS=0")
			require.NoError(b, cmd.Run())
		})
	})
}

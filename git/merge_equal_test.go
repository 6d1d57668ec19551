package git

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"wt-mcp/git/gittest"
)

var histories = flag.Int("histories", 12, "how many random histories are landed by every strategy and compared with git's own")

// What lands has the tree, the authors, the dates and the messages that git merge, git
// merge --squash, git rebase and git merge --ff-only make of the same history; what they
// refuse is refused. One lane at a time, with a fresh chain for each.
func TestLandingEqualsGit(t *testing.T) {
	t.Parallel()
	const at = 4
	for part := range at {
		t.Run(fmt.Sprint(part), func(t *testing.T) {
			t.Parallel()
			for seed := part; seed < *histories; seed += at {
				equalsGit(t, uint64(seed))
			}
		})
	}
}

func equalsGit(t *testing.T, seed uint64) {
	w := newWild(t, seed)
	for _, strategy := range []Strategy{StrategyMerge, StrategySquash, StrategyRebase, StrategyFastForward} {
		want, clean := w.stock(strategy)
		for _, slow := range []bool{false, true} {
			got, quick, err := w.plan(strategy, slow)
			require.NoError(t, err)
			about := fmt.Sprintf("history %d, %s, slow %t, in %s", seed, strategy, slow, w.Dir)
			if !clean {
				require.Error(t, got.Err, about)
				continue
			}
			require.NoError(t, got.Err, about)
			require.Equal(t, want, w.facts(got, strategy), about)
			if !quick {
				break // the other way is the same
			}
		}
	}
}

// wild is a repository with a random history: main and lane have something in common
// and something of their own.
type wild struct {
	*gittest.Repo
	t    *testing.T
	r    *Repo
	rand *rand.Rand
	n    int

	main, lane string // their commits
}

func newWild(t *testing.T, seed uint64) *wild {
	g, r := newRepo(t)
	w := &wild{Repo: g, t: t, r: r, rand: rand.New(rand.NewPCG(seed, 13))}
	w.Git("config", "user.name", "Test Committer")
	w.Git("config", "user.email", "committer@example.com")
	for range 8 {
		w.Write(w.path(), w.text())
	}
	if w.rand.IntN(3) == 0 {
		w.attributes()
	}
	w.save()
	w.Git("branch", "lane")
	w.grow("main", 1+w.rand.IntN(3))
	w.grow("lane", 1+w.rand.IntN(4))
	if w.rand.IntN(4) == 0 { // criss-cross, or a lane that has taken the target in
		w.cross()
	}
	ids := strings.Fields(w.Git("rev-parse", "main", "lane"))
	w.main, w.lane = ids[0], ids[1]
	return w
}

func (w *wild) grow(branch string, commits int) {
	w.Git("checkout", "-q", branch)
	for range commits {
		for range 1 + w.rand.IntN(3) {
			w.change()
		}
		w.save()
	}
	if branch == "lane" && w.rand.IntN(5) == 0 { // the target has one of the lane's commits
		w.Git("checkout", "-q", "main")
		if _, err := w.Try("cherry-pick", "--keep-redundant-commits", "lane~0"); err != nil {
			_, _ = w.Try("cherry-pick", "--abort")
		}
	}
}

func (w *wild) cross() {
	before := w.Git("rev-parse", "lane")
	w.Git("checkout", "-q", "lane")
	if _, err := w.Try("merge", "-q", "-m", "take main", "main"); err != nil {
		w.Git("merge", "--abort")
		return
	}
	w.grow("lane", w.rand.IntN(2))
	w.Git("checkout", "-q", "main")
	if w.rand.IntN(2) == 0 {
		if _, err := w.Try("merge", "-q", "--no-ff", "-m", "take lane", before); err != nil {
			w.Git("merge", "--abort")
			return
		}
	}
	w.grow("main", w.rand.IntN(3))
}

func (w *wild) save() {
	w.Git("add", "-A")
	w.n++
	w.Git("commit", "-q", "--allow-empty", "--author", fmt.Sprintf("Author %d <a%d@example.com>", w.n%3, w.n%3), "-m", fmt.Sprintf("change %d\n\nbody %d", w.n, w.n))
}

func (w *wild) path() string {
	names := []string{"a", "b", "c c", "d/a", "d/b", "d/e/a", "f/a", "f/b", "g/h/i", "u.union", "n.bin", "ü/t\tx", "j"}
	return names[w.rand.IntN(len(names))]
}

func (w *wild) text() string {
	var lines strings.Builder
	for i := range 12 {
		fmt.Fprintf(&lines, "line %d of %d\n", i, w.rand.IntN(3))
	}
	return lines.String()
}

func (w *wild) attributes() {
	lines := []string{"*.union merge=union", "*.bin binary", "a merge=union", "* text=auto", "b -merge", "*.union -merge", "d/* eol=crlf"}
	w.rand.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
	where := []string{"", "d/", "f/"}[w.rand.IntN(3)]
	w.Write(where+".gitattributes", strings.Join(lines[:1+w.rand.IntN(3)], "\n")+"\n")
}

// change is one random step in the checkout.
func (w *wild) change() {
	path := w.path()
	full := filepath.Join(w.Dir, filepath.FromSlash(path))
	info, err := os.Lstat(full)
	switch is := err == nil && !info.IsDir(); w.rand.IntN(12) {
	case 0:
		if is {
			require.NoError(w.t, os.Remove(full))
		}
	case 1:
		w.rename(path, w.path())
	case 2:
		_ = os.Rename(filepath.Join(w.Dir, "d"), filepath.Join(w.Dir, "k"))
	case 3:
		if is && info.Mode().IsRegular() {
			require.NoError(w.t, os.Chmod(full, info.Mode()^0o111))
		}
	case 4:
		_ = os.RemoveAll(full)
		if os.MkdirAll(filepath.Dir(full), 0o755) == nil {
			_ = os.Symlink("b", full)
		}
	case 5:
		w.attributes()
	case 6:
		w.Write(fmt.Sprintf("d/new%d", w.rand.IntN(4)), w.text())
	case 7:
		w.Git("update-index", "--add", "--cacheinfo", "160000,"+w.Head()+",sub")
	default:
		w.edit(full)
	}
}

func (w *wild) rename(from, to string) {
	a, b := filepath.Join(w.Dir, filepath.FromSlash(from)), filepath.Join(w.Dir, filepath.FromSlash(to))
	if os.MkdirAll(filepath.Dir(b), 0o755) == nil {
		_ = os.Rename(a, b)
	}
}

// edit changes a line, or makes the file.
func (w *wild) edit(full string) {
	content, err := os.ReadFile(full)
	lines := strings.Split(string(content), "\n")
	if err != nil || len(lines) < 3 {
		lines = strings.Split(w.text(), "\n")
	}
	lines[w.rand.IntN(len(lines)-1)] = fmt.Sprintf("edited %d", w.rand.IntN(1000))
	if os.MkdirAll(filepath.Dir(full), 0o755) == nil {
		_ = os.WriteFile(full, []byte(strings.Join(lines, "\n")), 0o644)
	}
}

// stock lands with git itself, on a detached HEAD, and tells whether that went through.
func (w *wild) stock(strategy Strategy) (facts []string, clean bool) {
	w.Git("checkout", "-q", "-f", "--detach", w.main)
	args := map[Strategy][]string{
		StrategyMerge: {"merge", "-q", "--no-ff", "--no-edit", w.lane}, StrategySquash: {"merge", "-q", "--squash", w.lane},
		StrategyRebase: {"rebase", "-q", "--onto", w.main, w.main, w.lane}, StrategyFastForward: {"merge", "-q", "--ff-only", w.lane},
	}[strategy]
	if _, err := w.Try(args...); err != nil {
		_, _ = w.Try(args[0], "--abort")
		w.Git("reset", "-q", "--hard", w.main)
		w.Git("clean", "-q", "-ffdx")
		return nil, false
	}
	if strategy == StrategySquash {
		_, _ = w.Try("commit", "-q", "-m", "squash")
	}
	return w.facts(Planned{Commit: "HEAD"}, strategy), true
}

// facts are what must be equal of a landing: of a squash the tree, of a merge that and
// the parents, else all of each commit but who made it.
func (w *wild) facts(p Planned, strategy Strategy) []string {
	switch strategy {
	case StrategySquash:
		return strings.Fields(w.Git("log", "-1", "--format=%T", p.Commit))
	case StrategyMerge: // git makes one that changes nothing, we make none
		facts := strings.Fields(w.Git("log", "-1", "--format=%T %P", p.Commit))
		if facts[0] == w.Git("rev-parse", w.main+"^{tree}") {
			return facts[:1]
		}
		return facts
	}
	return strings.Split(w.Git("log", "--first-parent", "--format=%T %an <%ae> %ad%n%B", w.main+".."+p.Commit), "\n")
}

// plan computes a landing, and tells whether no merge had to be computed for it.
func (w *wild) plan(strategy Strategy, slow bool) (planned Planned, quick bool, err error) {
	ctx := context.Background()
	p, err := w.r.newPlanner(ctx, Chain{Target: w.main, Lanes: []Lane{{Head: w.lane, Strategy: strategy}}})
	if err != nil {
		return Planned{}, false, err
	}
	defer p.scratch.Close()
	p.slow = slow
	err = p.plan(ctx)
	return p.done[0], exists(p.scratch.path("import")), err
}

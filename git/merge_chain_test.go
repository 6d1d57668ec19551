package git

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wt-mcp/git/gittest"
)

// A chain of lanes leaves the target as git leaves it that merges one lane after the
// other in a checkout; the lanes that git cannot merge are out, and no other.
func TestChainEqualsGit(t *testing.T) {
	t.Parallel()
	quick, out := 0, 0
	for seed := range *histories / 3 {
		w := newWild(t, uint64(1000+seed))
		heads := w.lanes(8)
		ctx := t.Context()
		p, err := w.r.newPlanner(ctx, Chain{Target: w.main, Lanes: merging(heads)})
		require.NoError(t, err)
		require.NoError(t, p.plan(ctx))
		if exists(p.scratch.path("import")) {
			quick++
		}
		require.NoError(t, p.scratch.Close())

		w.Git("checkout", "-q", "-f", "--detach", w.main)
		for i, head := range heads {
			about := fmt.Sprintf("history %d, lane %d, %s in %s", seed, i, head, w.Dir)
			if _, err := w.Try("merge", "-q", "--no-ff", "--no-edit", head); err != nil {
				w.Git("merge", "--abort")
				require.Error(t, p.done[i].Err, about)
				out++
			} else {
				require.NoError(t, p.done[i].Err, about)
			}
			require.Equal(t, w.Git("rev-parse", "HEAD^{tree}"), p.done[i].Tree, about)
		}
		w.Git("fsck", "--strict", "--no-dangling")
	}
	require.NotZero(t, quick)
	require.NotZero(t, out)
}

// lanes grows some from here and there.
func (w *wild) lanes(n int) (heads []string) {
	from := strings.Fields(w.Git("rev-list", w.main, w.lane))
	for i := range n {
		w.Git("checkout", "-q", "-f", "-B", fmt.Sprint("l", i), from[w.rand.IntN(len(from))])
		if i%2 == 0 { // one that has nothing to do with others
			w.Write(fmt.Sprintf("own%d/new", i), w.text())
			w.save()
			heads = append(heads, w.Git("rev-parse", "HEAD"))
			continue
		}
		w.grow(fmt.Sprint("l", i), 1)
		heads = append(heads, w.Git("rev-parse", "HEAD"))
	}
	return heads
}

func merging(heads []string) (lanes []Lane) {
	for _, head := range heads {
		lanes = append(lanes, Lane{Head: head, Strategy: StrategyMerge})
	}
	return lanes
}

// What two sides changed that are apart, merges without a conflict to both, whatever
// git finds out of renames.
func TestApart(t *testing.T) {
	t.Parallel()
	add := func(path string) change { return change{path: path, new: side{"100644", "1"}} }
	mod := func(path string) change {
		return change{path: path, old: side{"100644", "1"}, new: side{"100644", "2"}}
	}
	del := func(path string) change { return change{path: path, old: side{"100644", "1"}} }
	for _, c := range []struct {
		name        string
		first, then []change
		apart       bool
	}{
		{"other files", []change{mod("a")}, []change{mod("b")}, true},
		{"same file", []change{mod("a")}, []change{mod("a")}, false},
		{"a file where the other has a directory", []change{add("a/b/c")}, []change{add("a")}, false},
		{"a directory where the other has a file", []change{add("a")}, []change{add("a/b/c")}, false},
		{"comes to a directory that something left", []change{del("d/e/f"), add("n/f")}, []change{add("d/x")}, false},
		{"leaves a directory that something came to", []change{add("d/x")}, []change{del("d/e/f"), add("n/f")}, false},
		{"comes to another directory", []change{del("d/f"), add("n/f")}, []change{add("e/x")}, true},
		{"changes in a directory that something left", []change{del("d/f")}, []change{mod("d/x")}, true},
		{"names that only begin alike", []change{add("a")}, []change{add("ab/c")}, true},
		{"nothing", nil, nil, true},
	} {
		set := newTouched()
		set.add(c.first)
		require.Equal(t, c.apart, set.apart(c.then), c.name)
	}
}

// Random trees that are apart by the rule are merged by git to just both.
func TestApartMergesCleanly(t *testing.T) {
	t.Parallel()
	g, r := newRepo(t)
	q, err := r.NewQuarantine()
	require.NoError(t, err)
	defer q.Close()
	rnd := rand.New(rand.NewPCG(1, 2))
	apart, ask, want := 0, "", []string{}
	for range 150 {
		base, a, b := threeTrees(rnd)
		set := newTouched()
		set.add(differences(base, a))
		other := differences(base, b)
		if !set.apart(other) {
			continue
		}
		apart++
		both := map[string]string{}
		for path, content := range a {
			both[path] = content
		}
		for _, c := range other {
			delete(both, c.path)
			if !c.new.none() {
				both[c.path] = b[c.path]
			}
		}
		trees := makeTrees(t, g, base, a, b, both)
		root, err := q.commit(trees[0])
		require.NoError(t, err)
		ours, err := q.commit(trees[1], root)
		require.NoError(t, err)
		theirs, err := q.commit(trees[2], root)
		require.NoError(t, err)
		ask, want = ask+ours+" "+theirs+"\n", append(want, trees[3])
	}
	for i, line := range strings.Split(strings.TrimSpace(ask), "\n") {
		two := strings.Fields(line)
		out, err := r.git.run(t.Context(), q.holding(call{dir: r.common, at: r.pin("", ""), args: []string{"merge-tree", "--write-tree", two[0], two[1]}}))
		require.NoError(t, err, string(out))
		require.Equal(t, want[i], strings.TrimSpace(string(out)))
	}
	require.Greater(t, apart, 10)
}

// threeTrees are a base and two sides of it, with whole directories moved.
func threeTrees(rnd *rand.Rand) (base, a, b map[string]string) {
	base = map[string]string{}
	for _, path := range []string{"d/a", "d/b", "d/e/a", "f/a", "f/b", "g/h", "top", "other"} {
		base[path] = fmt.Sprintf("content of %s\nwith lines\nto be\nrecognized %d\n", path, len(path))
	}
	side := func() map[string]string {
		files := map[string]string{}
		from, to := []string{"d/", "f/", "d/e/", "g/"}[rnd.IntN(4)], []string{"n/", "d/", "k/l/"}[rnd.IntN(3)]
		moved := rnd.IntN(2) == 0
		for path, content := range base {
			if moved && strings.HasPrefix(path, from) {
				path = to + strings.TrimPrefix(path, from)
			}
			files[path] = content
		}
		for range 1 + rnd.IntN(2) {
			path := []string{"d/new", "f/new", "g/new", "d/e/new", "n/new", "top", "other", "d/a", "f/a"}[rnd.IntN(9)]
			files[path] += fmt.Sprintf("more %d\n", rnd.IntN(100))
		}
		return files
	}
	return base, side(), side()
}

func differences(from, to map[string]string) (list []change) {
	for path, content := range to {
		old, ok := from[path]
		switch {
		case !ok:
			list = append(list, change{path: path, new: side{"100644", content}})
		case old != content:
			list = append(list, change{path: path, old: side{"100644", old}, new: side{"100644", content}})
		}
	}
	for path, content := range from {
		if _, ok := to[path]; !ok {
			list = append(list, change{path: path, old: side{"100644", content}})
		}
	}
	return list
}

func makeTrees(t *testing.T, g *gittest.Repo, trees ...map[string]string) (ids []string) {
	for _, files := range trees {
		require.NoError(t, os.RemoveAll(filepath.Join(g.Dir, ".git", "index")))
		dir := gittest.TempDir(t)
		for path, content := range files {
			name := filepath.Join(dir, filepath.FromSlash(path))
			require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o755))
			require.NoError(t, os.WriteFile(name, []byte(content), 0o644))
		}
		g.Git("--work-tree="+dir, "add", "-A")
		ids = append(ids, g.Git("write-tree"))
	}
	return ids
}

// Lanes with changes of their own land in one go.
func BenchmarkChain(b *testing.B) {
	for _, lanes := range []int{64, 512} {
		b.Run(fmt.Sprint(lanes), func(b *testing.B) {
			g := gittest.NewRepo(b, gittest.Files(1000))
			g.Git("config", "user.name", "A")
			g.Git("config", "user.email", "a@example.com")
			heads := disjointLanes(b, g, lanes)
			r := mustOpen(b, g.Dir)
			var ours, git time.Duration
			for b.Loop() {
				began := time.Now()
				done, err := r.PlanChain(b.Context(), Chain{Target: g.Head(), Lanes: merging(heads)})
				require.NoError(b, err)
				ours += time.Since(began)
				began = time.Now()
				before := g.Head()
				for _, head := range heads {
					g.Git("merge", "-q", "--no-ff", "--no-edit", head)
				}
				git += time.Since(began)
				require.Equal(b, g.Git("rev-parse", "HEAD^{tree}"), done[lanes-1].Tree)
				g.Git("reset", "-q", "--hard", before)
			}
			b.ReportMetric(ours.Seconds()/float64(b.N), "s/chain")
			b.ReportMetric(git.Seconds()/ours.Seconds(), "times-git-merge")
		})
	}
}

// disjointLanes makes lanes that change and add a file each.
func disjointLanes(t testing.TB, g *gittest.Repo, n int) (heads []string) {
	var stream strings.Builder
	for i := range n {
		fmt.Fprintf(&stream, "commit refs/heads/wt/l%d\nauthor A <a@example.com> 1700000000 +0000\ncommitter A <a@example.com> 1700000000 +0000\ndata 4\nwork\nfrom refs/heads/main^0\n", i)
		fmt.Fprintf(&stream, "M 100644 inline lane%d/new\ndata 4\nnew\n\nM 100644 inline 0%d/own%d\ndata 4\nown\n\n", i, i%10, i)
	}
	feed := exec.Command("git", "fast-import", "--quiet")
	feed.Dir, feed.Stdin = g.Dir, strings.NewReader(stream.String())
	require.NoError(t, feed.Run())
	return strings.Fields(g.Git("for-each-ref", "--format=%(objectname)", "refs/heads/wt"))
}

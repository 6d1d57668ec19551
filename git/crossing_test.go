package git

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"wt-mcp/git/gittest"
)

// lanes makes worktrees of main, each changed by a function.
func lanes(t testing.TB, r *gittest.Repo, change ...func(dir string)) (paths []string) {
	t.Helper()
	for i, do := range change {
		dir := filepath.Join(gittest.TempDir(t), "lane")
		r.Git("worktree", "add", "-q", "-b", "lane"+string(rune('a'+i)), dir)
		do(dir)
		paths = append(paths, dir)
	}
	return paths
}

// cross looks at lanes, and compares them.
func cross(t testing.TB, repo *Repo, target string, verdicts map[string][]Clash, paths ...string) *Crossing {
	t.Helper()
	var all []Sighted
	for _, path := range paths {
		s, err := repo.Sight(context.Background(), path)
		require.NoError(t, err)
		all = append(all, Sighted{Sight: s, Target: target})
	}
	x, err := repo.Cross(context.Background(), all, verdicts)
	require.NoError(t, err)
	return x
}

func write(t testing.TB, dir, name, content string) {
	t.Helper()
	path := filepath.Join(dir, filepath.FromSlash(name))
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o777))
	require.NoError(t, os.WriteFile(path, []byte(content), 0o666))
}

const ten = "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n"

// TestCrossUncommitted has each kind of work that no commit has, in each of two lanes.
func TestCrossUncommitted(t *testing.T) {
	r := gittest.NewRepo(t)
	r.Write("f", ten)
	base := r.Commit("f")
	kinds := map[string]func(dir, name, content string){
		"committed": func(dir, name, content string) { write(t, dir, name, content); r.CommitIn(dir, "x") },
		"staged":    func(dir, name, content string) { write(t, dir, name, content); r.GitIn(dir, "add", name) },
		"unstaged":  func(dir, name, content string) { write(t, dir, name, content) },
		"only staged": func(dir, name, content string) {
			old, err := os.ReadFile(filepath.Join(dir, name))
			write(t, dir, name, content)
			r.GitIn(dir, "add", name)
			if err == nil {
				write(t, dir, name, string(old))
			} else {
				require.NoError(t, os.Remove(filepath.Join(dir, name)))
			}
		},
	}
	repo, err := Open(context.Background(), r.Dir)
	require.NoError(t, err)
	defer repo.Close()
	for kind, do := range kinds {
		t.Run(kind, func(t *testing.T) {
			defer r.Git("worktree", "prune")
			paths := lanes(t, r, func(dir string) { do(dir, "f", "1\n2\nA\n4\n5\n6\n7\n8\n9\n10\n"); do(dir, "new", "a\n") },
				func(dir string) { write(t, dir, "f", "1\n2\nB\n4\n5\n6\n7\n8\n9\n10\n"); write(t, dir, "new", "b\n") })
			x := cross(t, repo, base, nil, paths...)
			require.Equal(t, []Pair{{A: 0, B: 1, Clashes: []Clash{
				{Path: "f", Kind: "contents", Lines: [][2]int{{3, 3}}}, {Path: "new", Kind: "contents"}}}}, x.Pairs)
			require.Empty(t, x.Targets)
			require.Empty(t, x.Failed)
			for _, path := range paths {
				r.Git("worktree", "remove", "--force", path)
			}
			r.Git("branch", "-D", "lanea", "laneb")
		})
	}
}

// Invariants 8 and 11: looking writes no object into the repository, and no byte of it, of
// an index or of a worktree; no filter runs.
func TestCrossWritesNothing(t *testing.T) {
	t.Parallel()
	r := gittest.NewRepo(t)
	r.Write("f", ten)
	r.Write(".gitattributes", "*.bin filter=mark\n*.txt text\n")
	base := r.Commit("f")
	ran := filepath.Join(gittest.TempDir(t), "ran")
	r.Git("config", "filter.mark.clean", "touch "+ran+"; cat")
	r.Git("config", "filter.mark.required", "true")
	strange := "new\nline \"quoted\" \xff"
	paths := lanes(t, r, func(dir string) {
		write(t, dir, "x.bin", "a\n")
		write(t, dir, "dos.txt", "1\r\n2\r\n")
		write(t, dir, strange, "a\n")
		require.NoError(t, os.Symlink("a", filepath.Join(dir, "link")))
	}, func(dir string) {
		write(t, dir, "x.bin", "b\n")
		write(t, dir, "dos.txt", "1\n2\n")
		write(t, dir, strange, "b\n")
		require.NoError(t, os.Symlink("b", filepath.Join(dir, "link")))
	})
	repo := mustOpen(t, r.Dir) // which has approved the filter
	before := []map[string]string{gittest.Tree(t, r.Dir), gittest.Tree(t, paths[0]), gittest.Tree(t, paths[1])}
	x := cross(t, repo, base, nil, paths...)
	require.Equal(t, before, []map[string]string{gittest.Tree(t, r.Dir), gittest.Tree(t, paths[0]), gittest.Tree(t, paths[1])})
	require.NoFileExists(t, ran)
	require.Len(t, x.Pairs, 1)
	var names []string
	for _, c := range x.Pairs[0].Clashes {
		names = append(names, c.Path)
	}
	require.Equal(t, []string{"link", strange, "x.bin"}, names, "line ends are as git stores them")
	require.True(t, x.Filtered[0])
}

// Invariant 12: a lane amid a rebase is compared as far as that has come, and says so.
func TestCrossAmidRebase(t *testing.T) {
	t.Parallel()
	r := gittest.NewRepo(t)
	r.Write("f", ten)
	old := r.Commit("f")
	paths := lanes(t, r, func(dir string) {
		write(t, dir, "f", "1\nlane\n3\n4\n5\n6\n7\n8\n9\n10\n")
		r.CommitIn(dir, "lane")
	}, func(dir string) { write(t, dir, "f", "1\n2\n3\n4\n5\n6\n7\n8\nother\n10\n") })
	r.Write("f", "1\nmain\n3\n4\n5\n6\n7\n8\n9\n10\n")
	base := r.Commit("main")
	_, err := r.Try("-C", paths[0], "rebase", "main")
	require.Error(t, err)
	repo := mustOpen(t, r.Dir)
	s, err := repo.Sight(t.Context(), paths[0])
	require.NoError(t, err)
	require.Len(t, s.Unseen, 1)
	require.Contains(t, s.Unseen[0], "rebase")
	x := cross(t, repo, base, nil, paths...)
	require.Empty(t, x.Failed)
	require.Empty(t, x.Targets, "what lies there with its marks lands on main")
	require.Empty(t, cross(t, repo, old, nil, paths[1]).Targets)
}

// The attributes of the target count, as in a landing: what git unites is no conflict.
func TestCrossUnites(t *testing.T) {
	t.Parallel()
	r := gittest.NewRepo(t)
	r.Write("LOG", ten)
	r.Write(".gitattributes", "LOG merge=union\n")
	base := r.Commit("log")
	paths := lanes(t, r, func(dir string) { write(t, dir, "LOG", ten+"a\n") }, func(dir string) { write(t, dir, "LOG", ten+"b\n") })
	require.Empty(t, cross(t, mustOpen(t, r.Dir), base, nil, paths...).Pairs)
}

// What the target has by now is the lane's own affair, not that of a pair.
func TestCrossTarget(t *testing.T) {
	t.Parallel()
	r := gittest.NewRepo(t)
	r.Write("f", ten)
	r.Commit("f")
	paths := lanes(t, r, func(dir string) { write(t, dir, "f", "1\nlane\n3\n4\n5\n6\n7\n8\n9\n10\n") },
		func(dir string) { write(t, dir, "f", "1\n2\n3\n4\n5\n6\n7\n8\nother\n10\n") })
	r.Write("f", "1\nmain\n3\n4\n5\n6\n7\n8\n9\n10\n")
	x := cross(t, mustOpen(t, r.Dir), r.Commit("main"), nil, paths...)
	require.Empty(t, x.Pairs)
	require.Equal(t, map[int][]Clash{0: {{Path: "f", Kind: "contents"}}}, x.Targets)
}

func FuzzParseCrossing(f *testing.F) {
	f.Add([]byte("0\x00" + "22e0e80385f1179cb8db44c4e623a155e8c8a727\x00100644 b414108e81e5091fe0974a1858b4d0d22b107f70 1\tf\x00\x001\x00f\x00CONFLICT (contents)\x00words\n\x00\x00"))
	f.Add([]byte("22e0e80385f1179cb8db44c4e623a155e8c8a727\x00M\x00f\x00"))
	f.Add([]byte("22e0e80385f1179cb8db44c4e623a155e8c8a727\n--- \"a/x\\ny\"\n@@ -1,2 +3 @@\n-a\n-b\n+c\n@@ -9,0 +4 @@\n+d\n"))
	f.Add([]byte("# branch.oid 22e0e80385f1179cb8db44c4e623a155e8c8a727\x001 .M N... 100644 100644 100644 22e0e80385f1179cb8db44c4e623a155e8c8a727 22e0e80385f1179cb8db44c4e623a155e8c8a727 f\x00? new\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		all, rest := parseOutcomes(data)
		require.LessOrEqual(t, len(rest), len(data))
		for _, o := range all {
			require.True(t, isObjectID(o.tree))
			for _, c := range o.clashes {
				require.NotEmpty(t, c.paths)
			}
		}
		_, _ = parseNameStatus(data)
		_, _ = parseAttributes(data)
		for _, files := range parseHunks(data) {
			for _, ranges := range files {
				for _, r := range ranges {
					require.LessOrEqual(t, r[0], r[1]+1)
				}
			}
		}
		if _, changes, err := parsePending(data); err == nil {
			for _, c := range changes {
				require.NotEmpty(t, c.path)
			}
		}
	})
}

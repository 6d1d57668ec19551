package git

import (
	"fmt"
	"math/rand/v2"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"wt-mcp/git/gittest"
)

// tangle is what a lane of the test below does to the files of its base.
type tangle struct {
	random *rand.Rand
	files  map[string]string // content by path
	edits  []edit
}

func (t *tangle) some() string {
	return slices.Sorted(func(yield func(string) bool) {
		for path := range t.files {
			if !yield(path) {
				return
			}
		}
	})[t.random.IntN(len(t.files))]
}

func (t *tangle) put(path, content string) {
	t.files[path] = content
	t.edits = append(t.edits, edit{path: path, to: blob{mode: "100644"}, content: []byte(content), whole: true})
}

func (t *tangle) drop(path string) string {
	content := t.files[path]
	delete(t.files, path)
	t.edits = append(t.edits, edit{path: path})
	return content
}

// step changes, adds, deletes or renames a file, renames a directory, or has a file
// and a directory change places.
func (t *tangle) step() {
	path := t.some()
	name := path[strings.LastIndexByte(path, '/')+1:]
	switch t.random.IntN(8) {
	case 0, 1:
		lines := strings.Split(t.files[path], "\n")
		lines[t.random.IntN(len(lines))] = fmt.Sprint("changed ", t.random.IntN(1000))
		t.put(path, strings.Join(lines, "\n"))
	case 2:
		t.put(fmt.Sprintf("d%d/added%d", t.random.IntN(6), t.random.IntN(3)), fmt.Sprint("added ", t.random.IntN(3)))
	case 3:
		t.drop(path)
	case 4:
		t.put(fmt.Sprintf("d%d/%s", t.random.IntN(8), name), t.drop(path))
	case 5:
		from, to := slashDir(path)+"/", fmt.Sprintf("e%d/", t.random.IntN(3))
		for file := range t.files {
			if rest, ok := strings.CutPrefix(file, from); ok && from != "/" {
				t.put(to+rest, t.drop(file))
			}
		}
	case 6:
		content := t.drop(path)
		t.put(path+"/inner", content)
	case 7:
		t.put("top"+fmt.Sprint(t.random.IntN(2)), t.drop(path))
	}
}

// tangled commits n lanes on HEAD, each of a few steps.
func tangled(t *testing.T, g *gittest.Repo, random *rand.Rand, files map[string]string, n int) (heads []string) {
	base := g.Head()
	var stream strings.Builder
	for i := range n {
		lane := &tangle{random: random, files: map[string]string{}}
		for path, content := range files {
			lane.files[path] = content
		}
		for range 1 + random.IntN(3) {
			lane.step()
		}
		now := map[string]bool{}
		fmt.Fprintf(&stream, "commit refs/heads/t%d\ncommitter w <w@example.com> %d +0000\ndata 0\nfrom %s\n", i, 1800000000+i, base)
		for path := range files {
			if _, kept := lane.files[path]; !kept {
				fmt.Fprintf(&stream, "D %s\n", path)
			}
		}
		for path, content := range lane.files {
			if now[path] = true; content != files[path] || files[path] == "" {
				fmt.Fprintf(&stream, "M 100644 inline %s\ndata %d\n%s\n", path, len(content), content)
			}
		}
	}
	cmd := exec.Command("git", "fast-import", "--quiet", "--force")
	cmd.Dir, cmd.Stdin = g.Dir, strings.NewReader(stream.String())
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return strings.Fields(g.Git(slices.Concat([]string{"rev-parse"}, func() (names []string) {
		for i := range n {
			names = append(names, fmt.Sprint("t", i))
		}
		return names
	}())...))
}

// No pair that git has conflicts for is missed by what chooses the pairs to ask about:
// all of them are asked about here, by hand.
func TestCrossFindsAllConflicts(t *testing.T) {
	t.Parallel()
	const n = 40 // 780 pairs
	random := rand.New(rand.NewPCG(1, 2))
	g, r := newRepo(t)
	files := map[string]string{}
	for d := range 6 {
		for f := range 3 {
			path := fmt.Sprintf("d%d/f%d", d, f)
			for line := range 12 {
				files[path] += fmt.Sprintf("%s line %d\n", path, line)
			}
			g.Write(path, files[path])
		}
	}
	base := g.Commit("files")
	heads := tangled(t, g, random, files, n)
	var lanes []Sighted
	var pairs [][2]int
	var ask strings.Builder
	for i, head := range heads {
		lanes = append(lanes, Sighted{&Sight{Head: head}, base})
		for j := range i {
			pairs = append(pairs, [2]int{j, i})
			fmt.Fprintf(&ask, "%s %s\n", heads[j], head)
		}
	}
	cmd := exec.Command("git", "merge-tree", "--stdin")
	cmd.Dir, cmd.Stdin = g.Dir, strings.NewReader(ask.String())
	out, err := cmd.Output()
	require.NoError(t, err)
	all, rest := parseOutcomes(out)
	require.Empty(t, rest)
	require.Len(t, all, len(pairs))

	x, err := r.Cross(t.Context(), lanes, nil)
	require.NoError(t, err)
	require.Empty(t, x.Failed)
	require.Empty(t, x.Unknown)
	var expected, found [][2]int
	for i, o := range all {
		if len(o.clashes) > 0 {
			expected = append(expected, pairs[i])
		}
	}
	for _, p := range x.Pairs {
		found = append(found, [2]int{p.A, p.B})
	}
	require.ElementsMatch(t, expected, found)
	require.Greater(t, len(expected), 50, "the lanes are too much apart")
	require.Less(t, x.Merges, len(pairs), "nothing was left out")
	t.Logf("%d pairs, %d asked about, %d collide", len(pairs), x.Merges, len(expected))

	again, err := r.Cross(t.Context(), lanes, x.Verdicts)
	require.NoError(t, err)
	require.Zero(t, again.Merges)
	require.Equal(t, x.Pairs, again.Pairs)
}

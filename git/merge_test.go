package git

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"wt-mcp/git/gittest"
)

// landing is a repository with a target on main and a lane that began at its first commit.
type landing struct {
	*gittest.Repo
	t *testing.T
	r *Repo
}

// newLanding writes the files of the three commits; "" deletes one.
func newLanding(t *testing.T, base, main, lane map[string]string, opts ...gittest.Option) *landing {
	t.Helper()
	g, r := newRepo(t, opts...)
	l := &landing{g, t, r}
	l.Git("config", "user.name", "Someone")
	l.Git("config", "user.email", "someone@example.com")
	l.put(base, "base")
	l.Git("checkout", "-q", "-b", "lane")
	l.put(lane, "work on the lane")
	l.Git("checkout", "-q", "main")
	l.put(main, "work on main")
	return l
}

func (l *landing) put(files map[string]string, message string) {
	for path, content := range files {
		if content == "" {
			l.Git("rm", "-q", "-r", path)
			continue
		}
		l.Write(path, content)
	}
	l.Git("add", "-A")
	l.Git("commit", "-q", "--allow-empty", "-m", message)
}

func (l *landing) chain(lanes ...Lane) Chain {
	return Chain{Target: l.Git("rev-parse", "main"), Lanes: lanes}
}

func (l *landing) lane(strategy Strategy) Lane {
	return Lane{Head: l.Git("rev-parse", "lane"), Strategy: strategy}
}

// plan lands the lane alone.
func (l *landing) plan(strategy Strategy) Planned {
	l.t.Helper()
	done, err := l.r.PlanChain(l.t.Context(), l.chain(l.lane(strategy)))
	require.NoError(l.t, err)
	return done[0]
}

func (l *landing) conflicts(strategy Strategy) *Conflicts {
	l.t.Helper()
	var c *Conflicts
	require.ErrorAs(l.t, l.plan(strategy).Err, &c)
	return c
}

func text(lines ...string) string {
	all := ""
	for i := range 20 {
		all += fmt.Sprintf("line %d\n", i)
	}
	for _, line := range lines {
		all = strings.Replace(all, "line 10\n", line+"\n", 1)
	}
	return all
}

// What does not merge is told with every file and git's kind of conflict, and a landing
// that it stands against changes no ref.
func TestConflictKinds(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		base, main, lane map[string]string
		want             []Conflict
	}{
		"contents":         {map[string]string{"f": text()}, map[string]string{"f": text("a")}, map[string]string{"f": text("b")}, []Conflict{{"f", "contents", ""}}},
		"both added":       {nil, map[string]string{"n": "one\n"}, map[string]string{"n": "two\n"}, []Conflict{{"n", "contents", ""}}},
		"modified deleted": {map[string]string{"f": text()}, map[string]string{"f": text("a")}, map[string]string{"f": ""}, []Conflict{{"f", "modify/delete", ""}}},
		"renamed twice": {map[string]string{"f": text()}, map[string]string{"f": "", "a": text()}, map[string]string{"f": "", "b": text()},
			[]Conflict{{"f", "rename/rename", "a, b"}}},
		"renamed deleted": {map[string]string{"f": text()}, map[string]string{"f": "", "a": text()}, map[string]string{"f": ""},
			[]Conflict{{"a", "rename/delete", "f"}}},
		"binary":         {map[string]string{"f": "\x00a"}, map[string]string{"f": "\x00b"}, map[string]string{"f": "\x00c"}, []Conflict{{"f", "binary", ""}}},
		"file directory": {nil, map[string]string{"x": "file\n"}, map[string]string{"x/y": "below\n"}, []Conflict{{"x", "file/directory", ""}}},
		"names": {map[string]string{"a b\tc\"\\": text()}, map[string]string{"a b\tc\"\\": text("a")}, map[string]string{"a b\tc\"\\": text("b")},
			[]Conflict{{"a b\tc\"\\", "contents", ""}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLanding(t, c.base, c.main, c.lane)
			before := l.Git("for-each-ref")
			for _, strategy := range []Strategy{StrategyMerge, StrategySquash, StrategyRebase} {
				got := l.conflicts(strategy)
				for _, want := range c.want {
					found := false
					for _, f := range got.Files {
						found = found || f.Path == want.Path && f.Kind == want.Kind && len(f.With) >= len(want.With)
					}
					require.True(t, found, "%v is not among %v", want, got.Files)
				}
				require.Equal(t, strategy == StrategyRebase, got.Commit != nil)
			}
			require.Equal(t, before, l.Git("for-each-ref"))
		})
	}
}

// However many conflicts there are, the answer is bounded, and says how many.
func TestConflictsAreBounded(t *testing.T) {
	t.Parallel()
	main, lane := map[string]string{}, map[string]string{}
	for i := range maxConflicts + 20 {
		main[fmt.Sprint("f", i)], lane[fmt.Sprint("f", i)] = "one\n", "two\n"
	}
	c := newLanding(t, nil, main, lane).conflicts(StrategyMerge)
	require.Len(t, c.Files, maxConflicts)
	require.Equal(t, 20, c.More)
	require.Contains(t, c.Error(), "115 more")
}

// Each reason against a landing is its own error, and none is taken for a conflict; the
// other lanes of a chain land.
func TestWhatCannotLand(t *testing.T) {
	t.Parallel()
	l := newLanding(t, nil, map[string]string{"m": "m\n"}, map[string]string{"l": "l\n"})
	stranger := l.Git("commit-tree", "-m", "stranger", "HEAD^{tree}")
	tree := l.Git("rev-parse", "HEAD^{tree}")
	unknown := strings.Repeat("1", 40)
	done, err := l.r.PlanChain(t.Context(), l.chain(Lane{Head: stranger, Strategy: StrategyMerge}, Lane{Head: unknown, Strategy: StrategyMerge}, Lane{Head: tree, Strategy: StrategySquash},
		Lane{Head: "nonsense", Strategy: StrategyMerge}, l.lane(StrategyFastForward), l.lane(StrategyMerge), l.lane(StrategySquash)))
	require.NoError(t, err)
	for i, want := range []error{ErrUnrelated, ErrUnknownRevision, ErrUnknownRevision, ErrUnknownRevision, ErrNotAncestor} {
		require.ErrorIs(t, done[i].Err, want, i)
		require.Equal(t, l.Head(), done[i].Commit)
	}
	require.NoError(t, done[5].Err)
	require.Equal(t, 1, done[5].Files)
	require.True(t, done[6].Nothing, "the lane is there since the one before")
	require.Equal(t, done[5].Commit, done[6].Commit)

	_, err = l.r.PlanChain(t.Context(), Chain{Target: unknown})
	require.ErrorIs(t, err, ErrUnknownRevision)
	_, err = l.r.PlanChain(t.Context(), Chain{Target: "main"})
	require.ErrorIs(t, err, ErrInvalidName)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = l.r.PlanChain(ctx, l.chain(l.lane(StrategyMerge)))
	require.ErrorIs(t, err, context.Canceled)
}

// Without a name for commits nothing is made, and the error has git's own words on what to set.
func TestLandingNeedsIdentity(t *testing.T) {
	t.Parallel()
	l := newLanding(t, nil, map[string]string{"m": "m\n"}, map[string]string{"l": "l\n"})
	l.Git("config", "--unset", "user.name")
	l.Git("config", "--unset", "user.email")
	l.Git("config", "user.useConfigOnly", "true")
	_, err := l.r.PlanChain(t.Context(), l.chain(l.lane(StrategyMerge)))
	require.ErrorIs(t, err, ErrIdentity)
	require.Contains(t, err.Error(), "no email was given", "git's own words, and no more of them")
	l.Git("config", "author.name", "Writer. ")
	l.Git("config", "user.name", "User")
	l.Git("config", "user.email", "<user@example.com>")
	p := l.plan(StrategyMerge)
	require.NoError(t, p.Err)
	require.Equal(t, "Writer <user@example.com> User <user@example.com>", l.Git("log", "-1", "--format=%an <%ae> %cn <%ce>", p.Commit))
}

// A quarantine takes every object of a landing, and the repository has none of them.
func TestQuarantineKeepsObjectsOut(t *testing.T) {
	t.Parallel()
	l := newLanding(t, map[string]string{"f": text()}, map[string]string{"f": text() + "end\n"}, map[string]string{"f": "begin\n" + text(), "n": "n\n"})
	before := objectFiles(t, filepath.Join(l.Dir, ".git"))
	q, err := l.r.NewQuarantine()
	require.NoError(t, err)
	for _, strategy := range []Strategy{StrategyMerge, StrategySquash, StrategyRebase} {
		c := l.chain(l.lane(strategy))
		c.Quarantine, c.Reading = q, true
		done, err := l.r.PlanChain(t.Context(), c)
		require.NoError(t, err)
		require.NoError(t, done[0].Err)
		_, err = l.Try("cat-file", "-e", done[0].Commit)
		require.Error(t, err, "the repository has the commit")
		undone, err := l.r.PlanUndo(t.Context(), Undo{Tip: c.Target, Before: c.Target, After: l.Git("rev-parse", "main~1"), Message: "undo", Quarantine: q})
		require.NoError(t, err)
		require.NotEmpty(t, undone.Commit)
		p := l.plan(strategy)
		require.Equal(t, p.Tree, done[0].Tree)
		require.NotEqual(t, before, objectFiles(t, filepath.Join(l.Dir, ".git")), "a landing in earnest writes its objects")
		l.Git("prune", "--expire=now")
		l.Git("prune-packed")
	}
	require.NoError(t, q.Close())
	require.NoDirExists(t, q.scratch.Dir)
	require.Equal(t, before, objectFiles(t, filepath.Join(l.Dir, ".git")))
}

func objectFiles(t *testing.T, dir string) (names []string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() && !strings.Contains(path, "wt-mcp") {
			names = append(names, path)
		}
		return err
	}))
	return names
}

// What is undone is gone from the target and nothing else; what was changed since stands
// against it, by name.
func TestUndo(t *testing.T) {
	t.Parallel()
	l := newLanding(t, map[string]string{"f": text()}, map[string]string{"m": "m\n"}, map[string]string{"f": text("lane"), "n": "n\n"})
	before := l.Head()
	p := l.plan(StrategyMerge)
	l.Git("reset", "-q", "--hard", p.Commit)
	ask := Undo{Tip: p.Commit, Before: before, After: p.Commit, Message: "take back\n"}
	undone, err := l.r.PlanUndo(t.Context(), ask)
	require.NoError(t, err)
	require.Equal(t, []string{l.Git("rev-parse", before+"^{tree}"), p.Commit, "take back", "2"},
		append(strings.Split(l.Git("log", "-1", "--format=%T%n%P%n%s", undone.Commit), "\n"), fmt.Sprint(undone.Files)))

	l.put(map[string]string{"later": "later\n"}, "later")
	ask.Tip = l.Head()
	undone, err = l.r.PlanUndo(t.Context(), ask)
	require.NoError(t, err)
	require.Equal(t, "M\tf\nD\tn", l.Git("diff", "--name-status", ask.Tip, undone.Commit))
	l.Git("reset", "-q", "--hard", undone.Commit)
	again, err := l.r.PlanUndo(t.Context(), Undo{Tip: undone.Commit, Before: before, After: p.Commit})
	require.NoError(t, err)
	require.True(t, again.Nothing)

	l.Git("reset", "-q", "--hard", ask.Tip)
	l.put(map[string]string{"f": text("since")}, "since")
	ask.Tip = l.Head()
	undone, err = l.r.PlanUndo(t.Context(), ask)
	require.NoError(t, err)
	var c *Conflicts
	require.ErrorAs(t, undone.Err, &c)
	require.Equal(t, []Conflict{{"f", "contents", ""}}, c.Files)
	require.Equal(t, ask.Tip, undone.Commit)
}

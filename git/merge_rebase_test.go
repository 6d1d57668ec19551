package git

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A lane straight on the target is rebased to itself; one on top of a lane that was
// squashed lands with its own commits alone.
func TestRebaseOfAStackedLane(t *testing.T) {
	t.Parallel()
	l := newLanding(t, map[string]string{"f": text()}, nil, map[string]string{"f": text("lane")})
	l.Git("checkout", "-q", "-b", "upper", "lane")
	l.put(map[string]string{"f": text("upper")}, "upper")
	l.Git("checkout", "-q", "main")
	p := l.plan(StrategySquash)
	require.NoError(t, p.Err)

	upper := Lane{Head: l.Git("rev-parse", "upper"), Strategy: StrategyRebase}
	on := Chain{Target: p.Commit, Lanes: []Lane{upper}}
	on.Lanes[0].Since = l.Git("rev-parse", "lane")
	done, err := l.r.PlanChain(t.Context(), on)
	require.NoError(t, err)
	require.NoError(t, done[0].Err)
	require.Len(t, done[0].Commits, 1)
	require.Equal(t, text("upper"), l.Git("show", done[0].Commit+":f")+"\n")

	for strategy, parents := range map[Strategy]int{StrategySquash: 1, StrategyMerge: 2} {
		on.Lanes[0].Strategy = strategy
		done, err = l.r.PlanChain(t.Context(), on)
		require.NoError(t, err)
		require.NoError(t, done[0].Err)
		require.Len(t, done[0].Commits, 1)
		require.Equal(t, text("upper"), l.Git("show", done[0].Commit+":f")+"\n")
		require.Len(t, strings.Fields(l.Git("log", "-1", "--format=%P", done[0].Commit)), parents)
	}

	done, err = l.r.PlanChain(t.Context(), Chain{Target: l.Git("rev-parse", "lane"), Lanes: []Lane{upper}})
	require.NoError(t, err)
	require.Equal(t, upper.Head, done[0].Commit)
}

// In a chain the lanes know each other: the upper of two lands after the lower one with
// what it has beyond it.
func TestChainOfStackedLanes(t *testing.T) {
	t.Parallel()
	for _, strategy := range []Strategy{StrategyMerge, StrategyRebase, StrategyFastForward} {
		l := newLanding(t, map[string]string{"f": text()}, nil, map[string]string{"f": text("lane")})
		l.Git("reset", "-q", "--hard", "main~1")
		l.Git("checkout", "-q", "-b", "upper", "lane")
		l.put(map[string]string{"f": text("upper")}, "upper")
		upper := Lane{Head: l.Head(), Strategy: strategy}
		done, err := l.r.PlanChain(t.Context(), l.chain(l.lane(strategy), upper, l.lane(strategy)))
		require.NoError(t, err)
		require.NoError(t, done[0].Err, strategy)
		require.NoError(t, done[1].Err, strategy)
		require.Len(t, done[1].Commits, 1)
		require.Equal(t, "upper", done[1].Commits[0].Subject())
		require.True(t, done[2].Nothing)
		require.Equal(t, text("upper"), l.Git("show", done[1].Commit+":f")+"\n")
	}
}

// A commit that changes nothing is kept, one that changes nothing any more is left out,
// and a merge is left out, as in git rebase.
func TestRebaseOfEmptyCommits(t *testing.T) {
	t.Parallel()
	l := newLanding(t, map[string]string{"f": text(), "g": text()}, map[string]string{"f": text("same")}, map[string]string{"f": text("same")})
	l.Git("checkout", "-q", "lane")
	l.put(nil, "empty")
	l.put(map[string]string{"g": text("lane")}, "more")
	p := l.plan(StrategyRebase)
	require.NoError(t, p.Err)
	require.Equal(t, "more\nempty", l.Git("log", "--format=%s", "main.."+p.Commit))
	require.Len(t, p.Commits, 2)
	l.Git("rebase", "-q", "main")
	require.Equal(t, l.Git("rev-parse", "lane^{tree}"), p.Tree)

	l = newLanding(t, map[string]string{"f": text()}, map[string]string{"f": text("same")}, map[string]string{"f": text("same")})
	p = l.plan(StrategyRebase)
	require.True(t, p.Nothing)
	require.Equal(t, l.Head(), p.Commit)
}

// A root commit that the lane took in is picked as one that adds its files.
func TestRebaseOfARootCommit(t *testing.T) {
	t.Parallel()
	l := newLanding(t, nil, map[string]string{"m": "m\n"}, map[string]string{"l": "l\n"})
	l.Git("checkout", "-q", "--orphan", "root")
	l.Git("rm", "-rfq", ".")
	l.put(map[string]string{"r": "r\n"}, "root")
	l.Git("checkout", "-q", "lane")
	l.Git("merge", "-q", "--allow-unrelated-histories", "-m", "take root in", "root")
	p := l.plan(StrategyRebase)
	require.NoError(t, p.Err)
	require.Equal(t, "README.md\nl\nm\nr", l.Git("ls-tree", "-r", "--name-only", p.Commit))
	require.NoError(t, l.plan(StrategyMerge).Err)
}

// A squash has the message that it is given, and the author of its first commit.
func TestLandingMessages(t *testing.T) {
	t.Parallel()
	l := newLanding(t, nil, map[string]string{"m": "m\n"}, map[string]string{"l": "l\n"})
	lane := l.lane(StrategySquash)
	lane.Message = func(lands []Commit) string { return fmt.Sprintf("Task of %d\n\nWt-Task: 1\n", len(lands)) }
	done, err := l.r.PlanChain(t.Context(), l.chain(lane))
	require.NoError(t, err)
	require.Equal(t, "Task of 1\n\nWt-Task: 1\n|Test Author|Someone", l.Git("log", "-1", "--format=%B|%an|%cn", done[0].Commit))
	require.Len(t, strings.Fields(l.Git("log", "-1", "--format=%P", done[0].Commit)), 1)
}

// A git that cannot merge without a checkout is told by its version, and what it needs.
func TestMergesAt(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"2.36.0", "2.37.7", "1.9", "nonsense"} {
		err := mergesAt(version)
		require.ErrorIs(t, err, ErrNeedsMerge)
		require.ErrorContains(t, err, "2.38 or newer")
		require.ErrorContains(t, err, version)
	}
	for _, version := range []string{"2.38.0", "2.39.5", "2.55.0.windows.1", "3.0"} {
		require.NoError(t, mergesAt(version))
	}
}

// What git writes is read whole or refused; no text of it breaks the reader.
func FuzzMergeParsers(f *testing.F) {
	oid := strings.Repeat("a", 40)
	f.Add(">" + oid + " " + oid + " " + oid + "\x00n\x00e\x001 +0000\x00m\n\x00\n-" + oid + " " + oid + " \x00\x00\x00\x00\x00\n")
	f.Add("100644 " + oid + " 1\tf\x00\x001\x00f\x00CONFLICT (contents)\x00words\n\x00")
	f.Add(oid + "\x00:100644 100644 " + oid + " " + oid + " M\x00f\x00")
	f.Add("040000 tree " + oid + "\t\n" + oid + "\n")
	f.Fuzz(func(t *testing.T, text string) {
		if h, err := parseHistory(text); err == nil {
			for id := range h.commits {
				h.walk(id)
			}
		}
		c := parseConflicts(text)
		require.LessOrEqual(t, len(c.Files), maxConflicts)
		_ = c.Error()
		_, _ = parseCompared([]byte(text), []pair{{oid, oid}})
		_, _ = parseImported(text)
		_, _, _ = cutObject([]byte(text))
		who := parseIdent(text)
		require.NotContains(t, tidy(who.Name), "\n")
	})
}

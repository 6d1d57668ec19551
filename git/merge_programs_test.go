//go:build unix

package git

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"wt-mcp/git/gittest"
)

// driven is a landing that stock git makes with a merge driver, which leaves a mark.
func driven(t *testing.T) (l *landing, ran func() bool) {
	l = newLanding(t, map[string]string{"f": text(), ".gitattributes": "f merge=mine\n"}, map[string]string{"f": text("a")}, map[string]string{"f": text("b")})
	mark := filepath.Join(gittest.TempDir(t), "ran")
	l.Git("config", "merge.mine.driver", "touch '"+mark+"'; cat %B >>%A")
	return l, func() bool { return os.Remove(mark) == nil }
}

// A merge driver that is approved decides, as with git itself. Who reads alone runs
// none, and is told that there is one.
func TestLandingRunsApprovedDrivers(t *testing.T) {
	t.Parallel()
	l, ran := driven(t)
	p := l.plan(StrategyMerge)
	require.NoError(t, p.Err)
	require.True(t, ran())
	l.Git("merge", "-q", "--no-edit", "lane")
	require.Equal(t, l.Git("rev-parse", "HEAD^{tree}"), p.Tree)
	l.Git("reset", "-q", "--hard", "HEAD~1")
	require.True(t, ran())

	c := l.chain(l.lane(StrategyMerge), l.lane(StrategyRebase))
	c.Reading = true
	done, err := l.r.PlanChain(t.Context(), c)
	require.NoError(t, err)
	require.False(t, ran())
	for _, p := range done {
		require.Equal(t, []string{"merge.mine"}, p.Undriven)
	}
}

// One that nobody approved does not run: where it would decide, the lane does not land;
// where it has nothing to do, it does.
func TestLandingRefusesUnapprovedDrivers(t *testing.T) {
	t.Parallel()
	l, ran := driven(t)
	r, err := Open(t.Context(), l.Dir)
	require.NoError(t, err)
	t.Cleanup(r.Close)
	l.Git("checkout", "-q", "-b", "other", "main~1")
	l.put(map[string]string{"README.md": "other\n"}, "other")
	l.Git("checkout", "-q", "main")
	l.put(map[string]string{"README.md": "readme\nmore\n"}, "more")
	l.put(map[string]string{"README.md": "readme\n"}, "less")
	other := Lane{Head: l.Git("rev-parse", "other"), Strategy: StrategySquash}
	for _, strategy := range []Strategy{StrategyMerge, StrategySquash, StrategyRebase} {
		done, err := r.PlanChain(t.Context(), l.chain(l.lane(strategy), other))
		require.NoError(t, err)
		require.ErrorIs(t, done[0].Err, ErrUnapproved)
		require.ErrorContains(t, done[0].Err, "merge.mine")
		require.NoError(t, done[1].Err)
	}
	require.False(t, ran())
}

// The attributes of the target count, as in a checkout of it, and not those of the lane
// or of whatever is checked out.
func TestLandingTakesAttributesOfTheTarget(t *testing.T) {
	t.Parallel()
	both := map[string]string{"d/f": text()}
	for where, file := range map[string]string{"top": ".gitattributes", "below": "d/.gitattributes"} {
		t.Run(where, func(t *testing.T) {
			t.Parallel()
			l := newLanding(t, both, map[string]string{"d/f": text("a"), file: "f merge=union\n"}, map[string]string{"d/f": text("b")})
			l.Git("checkout", "-q", "lane")
			for _, strategy := range []Strategy{StrategyMerge, StrategyRebase} {
				p := l.plan(strategy)
				require.NoError(t, p.Err)
				require.Equal(t, text("a\nb"), l.Git("show", p.Commit+":d/f")+"\n")
			}
			l = newLanding(t, both, map[string]string{"d/f": text("a")}, map[string]string{"d/f": text("b"), file: "f merge=union\n"})
			l.Git("checkout", "-q", "lane")
			l.conflicts(StrategyMerge)
			l = newLanding(t, both, map[string]string{"d/f": text("a"), file: "f binary\n"}, map[string]string{"d/f": strings.Replace(text(), "line 1\n", "one\n", 1)})
			require.Len(t, l.conflicts(StrategyMerge).Files, 1)
		})
	}
}

// Line ends and filters of the attributes come out as in git's own merge, a required
// filter that is missing included: contents are merged as they are stored.
func TestLandingWithConversions(t *testing.T) {
	t.Parallel()
	l := newLanding(t, map[string]string{".gitattributes": "*.txt text eol=crlf\n*.dat filter=big\n", "a.txt": text(), "b.dat": text()},
		map[string]string{"a.txt": text() + "end\n", "b.dat": text() + "end\n"}, map[string]string{"a.txt": "begin\n" + text(), "b.dat": "begin\n" + text()})
	l.Git("config", "merge.renormalize", "true")
	want := ""
	for _, required := range []string{"false", "true"} {
		p := l.plan(StrategyMerge)
		require.NoError(t, p.Err)
		if want == "" {
			want = p.Tree
			l.Git("merge", "-q", "--no-edit", "lane")
			require.Equal(t, l.Git("rev-parse", "HEAD^{tree}"), want)
			l.Git("reset", "-q", "--hard", "HEAD~1")
		}
		require.Equal(t, want, p.Tree)
		l.Git("config", "merge.renormalize", "false")
		l.Git("config", "filter.big.required", required)
		l.Git("config", "filter.big.clean", "/does/not/exist")
	}
}

// Where the user signs commits, those of a landing are signed; where that fails or hangs
// the lane does not land. A landing that is only looked at signs nothing.
func TestLandingSigns(t *testing.T) {
	t.Parallel()
	l := newLanding(t, nil, map[string]string{"m": "m\n"}, map[string]string{"l": "l\n"})
	dir := gittest.TempDir(t)
	signer := l.Write(filepath.Join(dir, "gpg"), "#!/bin/sh\ncat >/dev/null\necho '-----BEGIN PGP SIGNATURE-----\n\nnot real\n-----END PGP SIGNATURE-----'\necho '[GNUPG:] SIG_CREATED ' >&2\n")
	failing := l.Write(filepath.Join(dir, "fail"), "#!/bin/sh\necho no secret key >&2\nexit 2\n")
	require.NoError(t, os.Chmod(signer, 0o755))
	require.NoError(t, os.Chmod(failing, 0o755))
	l.Git("config", "commit.gpgSign", "true")
	l.Git("config", "gpg.program", signer)
	for _, strategy := range []Strategy{StrategyMerge, StrategySquash, StrategyRebase} {
		p := l.plan(strategy)
		require.NoError(t, p.Err)
		require.Contains(t, l.Git("cat-file", "-p", p.Commit), "gpgsig")
	}
	l.Git("config", "gpg.program", failing)
	require.ErrorIs(t, l.plan(StrategyMerge).Err, ErrSigning)
	require.ErrorContains(t, l.plan(StrategyRebase).Err, "failed to sign")
	c := l.chain(l.lane(StrategyMerge))
	c.Reading = true
	done, err := l.r.PlanChain(t.Context(), c)
	require.NoError(t, err)
	require.NoError(t, done[0].Err)

	stranger, err := Open(t.Context(), l.Dir)
	require.NoError(t, err)
	t.Cleanup(stranger.Close)
	asked, err := stranger.Programs(t.Context())
	require.NoError(t, err)
	require.Len(t, asked.Settings, 1, "who signs is for the user to approve")
}

// A repository with ids of 64 digits, and one with its refs in tables, land as others.
func TestLandingInOtherFormats(t *testing.T) {
	t.Parallel()
	formats := map[string]gittest.Option{"sha256": gittest.SHA256()}
	if out, _ := gittest.NewRepo(t).Try("init", "-h"); strings.Contains(out, "--ref-format") {
		formats["reftable"] = gittest.Init("--ref-format=reftable")
	}
	for name, format := range formats {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLanding(t, map[string]string{"f": text()}, map[string]string{"m": "m\n"}, map[string]string{"l": "l\n"}, format)
			refs := l.Git("for-each-ref")
			for _, strategy := range []Strategy{StrategyMerge, StrategySquash, StrategyRebase} {
				require.NoError(t, l.plan(strategy).Err)
			}
			l.put(map[string]string{"f": text() + "end\n"}, "more")
			l.Git("checkout", "-q", "lane")
			l.put(map[string]string{"f": "begin\n" + text()}, "other")
			for _, strategy := range []Strategy{StrategyMerge, StrategySquash, StrategyRebase} {
				p := l.plan(strategy)
				require.NoError(t, p.Err)
				require.Equal(t, 2, p.Files)
				l.Git("fsck", "--strict", "--no-dangling", p.Commit)
			}
			require.Len(t, strings.Split(l.Git("for-each-ref"), "\n"), len(strings.Split(refs, "\n")))
		})
	}
}

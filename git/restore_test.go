//go:build unix

package git

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"wt-mcp/git/gittest"
)

// picture is all that can be seen of a worktree from outside.
func (l *lane) picture() map[string]string {
	l.t.Helper()
	seen := map[string]string{}
	err := filepath.WalkDir(l.path, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(l.path, name)
		info, err := d.Info()
		switch {
		case err != nil || rel == "." || filepath.Base(name) == ".git":
			return skipIf(rel != "." && d.IsDir(), err)
		case info.Mode().IsRegular():
			content, err := os.ReadFile(name)
			seen[rel] = fmt.Sprintf("%v %x", info.Mode(), sha256.Sum256(content))
			return err
		case info.Mode().Type() == fs.ModeSymlink:
			target, err := os.Readlink(name)
			seen[rel] = "-> " + target
			return err
		}
		seen[rel] = info.Mode().String()
		return nil
	})
	l.ok(err)
	for _, args := range []string{"status --porcelain=v2 --branch -z --untracked-files=all --ignored", "ls-files --stage", "ls-files -v", "diff --binary", "diff --cached --binary",
		"rev-parse --quiet --verify HEAD", "symbolic-ref --quiet HEAD", "reflog", "for-each-ref"} {
		out, err := l.Try(append([]string{"-C", l.path}, strings.Fields(args)...)...)
		seen["git "+args] = fmt.Sprint(out, err != nil)
	}
	return seen
}

// sound is what git fsck says. git 2.55 misses the tree of an empty index, without us
// too.
func (l *lane) sound() string {
	l.t.Helper()
	out, err := l.Try("fsck", "--strict", "--no-dangling")
	return fmt.Sprint(out, err)
}

func skipIf(yes bool, err error) error {
	if yes && err == nil {
		return fs.SkipDir
	}
	return err
}

// without leaves out what is at or below the paths, and what git says of it.
func without(seen map[string]string, paths []string) map[string]string {
	kept := map[string]string{}
	for key, value := range seen {
		lacking := key == "git for-each-ref"
		for _, path := range paths {
			lacking = lacking || key == path || strings.HasPrefix(key, path+"/")
		}
		if strings.HasPrefix(key, "git status") {
			var lines []string
			for line := range strings.SplitSeq(value, "\x00") {
				if !mentions(line, paths) {
					lines = append(lines, line)
				}
			}
			value = strings.Join(lines, "\n")
		}
		if !lacking {
			kept[key] = value
		}
	}
	return kept
}

func mentions(line string, paths []string) bool {
	for _, path := range paths {
		if strings.HasSuffix(line, " "+path) || strings.Contains(line, " "+path+"/") {
			return true
		}
	}
	return false
}

// Invariant 7, and undo: a worktree in any state is removed by force and comes
// back as it was; from the trash, and from the snapshot alone.
func TestInvariant7RestoreOfEveryState(t *testing.T) {
	t.Parallel()
	for _, s := range states() {
		for _, alone := range []bool{false, true} {
			name := s.name + "/trash"
			if alone {
				name = s.name + "/snapshot"
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				l := newLane(t, s.opts...)
				s.make(l)
				before, sound := l.picture(), l.sound()
				trash, err := l.r.RemoveWorktree(t.Context(), Remove{Path: l.path, Op: "op1", Force: true})
				require.NoError(t, err)
				require.NoFileExists(t, l.path)
				var lacks []string
				if alone {
					lacks = s.lacks
					empty(t, l.r, trash)
					l.Git("reflog", "expire", "--expire=now", "--all")
					l.Git("gc", "-q", "--prune=now")
				}
				out, err := l.r.RestoreWorktree(t.Context(), Restore{Snapshot: "op1", Path: l.path, Branch: "wt/a", Op: "op2"})
				require.NoError(t, err)
				require.Equal(t, !alone, out.FromTrash)
				after := l.picture()
				require.Equal(t, without(before, lacks), without(after, lacks))
				if len(lacks) > 0 {
					require.NotEmpty(t, out.Notes, "it says what it lacks")
				} else {
					require.Empty(t, out.Notes)
				}
				require.Equal(t, sound, l.sound())
				requireOnlyTrash(t, l.r)
				if s.then != nil {
					s.then(l)
				}
			})
		}
	}
}

// requireOnlyTrash checks that a restore left nothing in the trash.
func requireOnlyTrash(t *testing.T, r *Repo) {
	t.Helper()
	left, err := os.ReadDir(filepath.Join(r.common, dirName, "trash"))
	require.NoError(t, err)
	require.Empty(t, left)
}

// As above under another name, when the branch is gone, has moved, or is
// elsewhere by now.
func TestRestoreElsewhere(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		meanwhile func(l *lane)
		branch    string // it is on in the end
		note      string
	}{
		"nothing happened":      {func(*lane) {}, "wt/a", ""},
		"branch deleted":        {func(l *lane) { l.Git("branch", "-D", "wt/a") }, "wt/a", ""},
		"branch moved":          {func(l *lane) { l.Git("branch", "-f", "wt/a", "main~1") }, "wt/b", "has moved"},
		"branch checked out":    {func(l *lane) { l.Git("checkout", "-q", "wt/a") }, "wt/b", "checked out at"},
		"both branches taken":   {func(l *lane) { l.Git("branch", "-f", "wt/a", "main~1"); l.Git("branch", "wt/b") }, "", "detached"},
		"name in the way":       {func(l *lane) { l.Git("branch", "-D", "wt/a"); l.Git("branch", "wt/a/x") }, "wt/b", "cannot be made"},
		"entry's name is taken": {func(l *lane) { l.Git("worktree", "add", "-q", filepath.Join(filepath.Dir(l.Dir), "a"), "-b", "other") }, "wt/a", ""},
	} {
		for _, alone := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/alone=%t", name, alone), func(t *testing.T) {
				t.Parallel()
				l := newLane(t)
				l.put("n", "own")
				head := l.commit("own")
				l.put("dir/a.txt", "changed")
				before := l.picture()
				trash, err := l.r.RemoveWorktree(t.Context(), Remove{Path: l.path, Op: "op1", Force: true})
				require.NoError(t, err)
				if alone {
					empty(t, l.r, trash)
				}
				test.meanwhile(l)
				l.path += "-other"
				out, err := l.r.RestoreWorktree(t.Context(), Restore{Snapshot: "op1", Path: l.path, Branch: "wt/b", Op: "op2"})
				require.NoError(t, err)
				require.Equal(t, test.branch, out.Branch)
				require.Contains(t, strings.Join(out.Notes, "\n"), test.note)
				require.Equal(t, test.note == "", len(out.Notes) == 0)
				after := l.picture()
				require.Equal(t, head, l.in("rev-parse", "HEAD"))
				if test.branch != "" {
					require.Equal(t, test.branch, l.in("symbolic-ref", "--short", "HEAD"))
				}
				for _, key := range []string{"git status --porcelain=v2 --branch -z --untracked-files=all --ignored", "git symbolic-ref --quiet HEAD", "git for-each-ref", "git reflog"} {
					delete(before, key)
					delete(after, key)
				}
				require.Equal(t, before, after)
				require.Equal(t, l.path, l.r.RestoredFrom("op1"))
				require.NoError(t, l.r.CheckWorktree(l.path))
				l.Git("worktree", "prune")
				require.Equal(t, " M dir/a.txt", l.in("status", "--porcelain"))
			})
		}
	}
}

func TestRestoreOfASubmoduleElsewhere(t *testing.T) {
	t.Parallel()
	l := newLane(t)
	sub := gittest.NewRepo(t)
	l.in("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", sub.Dir, "lib/sub")
	l.commit("sub")
	l.put("lib/sub/work", "w")
	_, err := l.r.RemoveWorktree(t.Context(), Remove{Path: l.path, Op: "op1", Force: true})
	require.NoError(t, err)
	l.Git("worktree", "add", "-q", filepath.Join(filepath.Dir(l.Dir), "a"), "-b", "other")
	l.path = filepath.Join(l.Dir, ".worktrees", "far", "away")
	_, err = l.r.RestoreWorktree(t.Context(), Restore{Snapshot: "op1", Path: l.path, Op: "op2"})
	require.NoError(t, err)
	require.Equal(t, "?? work", l.GitIn(l.file("lib/sub"), "status", "--porcelain"))
	require.Contains(t, l.in("submodule", "status"), "lib/sub (heads/main)")
}

func TestRestoreOverwritesNothing(t *testing.T) {
	t.Parallel()
	l := newLane(t)
	l.put("n", "n")
	_, err := l.r.RemoveWorktree(t.Context(), Remove{Path: l.path, Op: "op1", Force: true})
	require.NoError(t, err)
	rs := Restore{Snapshot: "op1", Path: l.path, Op: "op2"}
	require.NoError(t, os.Mkdir(l.path, 0o777))
	_, err = l.r.RestoreWorktree(t.Context(), rs)
	requireRefused(t, err, ErrPathExists, l.path)
	require.NoError(t, os.Remove(l.path))
	_, err = l.r.RestoreWorktree(t.Context(), rs)
	require.NoError(t, err)
	before := l.picture()
	_, err = l.r.RestoreWorktree(t.Context(), Restore{Snapshot: "op1", Path: l.path, Op: "op3"})
	requireRefused(t, err, ErrPathExists, l.path)
	require.Equal(t, before, l.picture())

	require.NoError(t, os.Rename(l.path, l.path+"x"))
	_, err = l.r.RestoreWorktree(t.Context(), Restore{Snapshot: "op1", Path: l.path, Op: "op4"})
	requireRefused(t, err, ErrRegistered, l.path)
	for _, id := range []string{"", "-d", "../x", "a/b", "op1\n", strings.Repeat("x", 200)} {
		_, err = l.r.RestoreWorktree(t.Context(), Restore{Snapshot: id, Path: l.path + "y", Op: "op5"})
		require.ErrorIs(t, err, ErrInvalidName, id)
	}
	_, err = l.r.RestoreWorktree(t.Context(), Restore{Snapshot: "unknown", Path: l.path + "y", Op: "op5"})
	require.ErrorIs(t, err, ErrNoSnapshot)
	require.NoDirExists(t, l.path+"y")
	require.NoFileExists(t, filepath.Join(l.Dir, ".git", "wt-mcp", "trash", "op5"))
}

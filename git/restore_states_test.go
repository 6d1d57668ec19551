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

// lane is a worktree of a test.
type lane struct {
	*gittest.Repo
	t    *testing.T
	r    *Repo
	path string
}

func (l *lane) in(args ...string) string { l.t.Helper(); return l.GitIn(l.path, args...) }

// fails is a git that must stop, as at a conflict.
func (l *lane) fails(args ...string) {
	l.t.Helper()
	_, err := l.Try(append([]string{"-C", l.path}, args...)...)
	require.Error(l.t, err)
}

func (l *lane) file(name string) string { return filepath.Join(l.path, name) }

func (l *lane) put(name, content string) { l.t.Helper(); l.Write(l.file(name), content) }

func (l *lane) ok(err error) { l.t.Helper(); require.NoError(l.t, err) }

func (l *lane) commit(message string) string { l.t.Helper(); return l.CommitIn(l.path, message) }

// newLane makes a repository with a bit of everything and a worktree in it.
func newLane(t *testing.T, opts ...gittest.Option) *lane {
	t.Helper()
	g, r := newRepo(t, opts...)
	l := &lane{Repo: g, t: t, r: r}
	g.Write("dir/a.txt", "a\nb\nc\nd\ne\n")
	g.Write("dir/b.txt", "b\n")
	g.Write("deep/er/c.txt", "c\n")
	g.Write("run.sh", "#!/bin/sh\n")
	l.ok(os.Chmod(filepath.Join(g.Dir, "run.sh"), 0o755))
	l.ok(os.Symlink("dir/a.txt", filepath.Join(g.Dir, "link")))
	g.Write(".git/info/exclude", "*.o\nignored/\n.worktrees/\n")
	g.Commit("base")
	a := newAdd(g, "a")
	l.ok(r.AddWorktree(t.Context(), a))
	l.path = a.Path
	return l
}

// diverge makes a commit here and one on main that conflict in dir/a.txt.
func (l *lane) diverge() {
	l.t.Helper()
	l.put("dir/a.txt", "a\nours\nc\nd\ne\n")
	l.commit("ours")
	l.Write("dir/a.txt", "a\ntheirs\nc\nd\ne\n")
	l.Commit("theirs")
}

// state is one that a worktree can be in.
type state struct {
	name  string
	make  func(l *lane)
	lacks []string      // what the snapshot alone does not hold: paths, and all below them
	then  func(l *lane) // what must still work once it is back
	opts  []gittest.Option
}

func states() []state {
	resolve := func(args ...string) func(*lane) {
		return func(l *lane) {
			l.put("dir/a.txt", "resolved\n")
			l.in("add", "dir/a.txt")
			l.in(args...)
			require.Empty(l.t, l.in("status", "--porcelain"))
		}
	}
	return []state{
		{name: "clean", make: func(*lane) {}},
		{name: "own commits", make: func(l *lane) { l.put("n", "n"); l.commit("n") }},
		{name: "staged", make: func(l *lane) { l.put("dir/a.txt", "x"); l.in("add", "-A") }},
		{name: "unstaged", make: func(l *lane) { l.put("dir/a.txt", "x") }},
		{name: "staged and unstaged", make: func(l *lane) { l.put("dir/a.txt", "x"); l.in("add", "-A"); l.put("dir/a.txt", "y") }},
		{name: "staged new, then deleted", make: func(l *lane) { l.put("n", "n"); l.in("add", "-A"); l.ok(os.Remove(l.file("n"))) }},
		{name: "untracked", make: func(l *lane) { l.put("n", "n"); l.put("new/deep/er/n", "n"); l.put("dir/n", "n") }},
		{name: "untracked beside ignored", make: func(l *lane) { l.put("new/n", "n"); l.put("new/x.o", "o"); l.put("new/ignored/y", "y") },
			lacks: []string{"new/x.o", "new/ignored"}},
		{name: "ignored", make: func(l *lane) { l.put("x.o", "o"); l.put("ignored/deep/y", "y") }, lacks: []string{"x.o", "ignored"}},
		{name: "mode change", make: func(l *lane) { l.ok(os.Chmod(l.file("dir/a.txt"), 0o755)); l.ok(os.Chmod(l.file("run.sh"), 0o644)) }},
		{name: "symlink changed", make: func(l *lane) { l.ok(os.Remove(l.file("link"))); l.ok(os.Symlink("run.sh", l.file("link"))) }},
		{name: "symlinks dangling, to a directory, outside", make: func(l *lane) {
			l.ok(os.Symlink("nowhere", l.file("dangling")))
			l.ok(os.Symlink("dir", l.file("todir")))
			l.ok(os.Symlink(l.Dir, l.file("outside")))
		}},
		{name: "directory replaced by a link to one", make: func(l *lane) {
			l.put("other/a.txt", "not this one")
			l.ok(os.RemoveAll(l.file("dir")))
			l.ok(os.Symlink("other", l.file("dir")))
		}},
		{name: "link replaced by a file", make: func(l *lane) { l.ok(os.Remove(l.file("link"))); l.put("link", "file") }},
		{name: "rename staged", make: func(l *lane) { l.in("mv", "dir/a.txt", "dir/z.txt") }},
		{name: "deleted unstaged", make: func(l *lane) { l.ok(os.Remove(l.file("dir/a.txt"))); l.ok(os.RemoveAll(l.file("deep"))) }},
		{name: "deleted staged", make: func(l *lane) { l.in("rm", "-q", "dir/a.txt") }},
		{name: "deleted from the index only", make: func(l *lane) { l.in("rm", "-q", "--cached", "dir/a.txt") }},
		{name: "file replaced by a directory", make: func(l *lane) { l.ok(os.Remove(l.file("dir/a.txt"))); l.put("dir/a.txt/in", "in") }},
		{name: "directory replaced by a file", make: func(l *lane) { l.ok(os.RemoveAll(l.file("deep"))); l.put("deep", "file") }},
		{name: "directory replaced by a file, staged", make: func(l *lane) {
			l.ok(os.RemoveAll(l.file("deep")))
			l.put("deep", "file")
			l.in("add", "-A")
		}},
		{name: "merge conflict", make: func(l *lane) { l.diverge(); l.fails("merge", "-q", "main") }, then: resolve("commit", "-q", "--no-edit")},
		{name: "modify and delete conflict", make: func(l *lane) {
			l.in("rm", "-q", "dir/a.txt")
			l.commit("deleted")
			l.Write("dir/a.txt", "changed\n")
			l.Commit("changed")
			l.fails("merge", "-q", "main")
		}},
		{name: "add and add conflict", make: func(l *lane) {
			l.put("n", "ours\n")
			l.commit("ours")
			l.Write("n", "theirs\n")
			l.Commit("theirs")
			l.fails("merge", "-q", "main")
		}},
		{name: "merge, resolved but not committed", make: func(l *lane) {
			l.diverge()
			l.fails("merge", "-q", "main")
			l.put("dir/a.txt", "resolved\n")
			l.in("add", "-A")
		}, then: func(l *lane) { l.in("commit", "-q", "--no-edit"); require.NotEmpty(l.t, l.in("rev-parse", "HEAD^2")) }},
		{name: "rebase", make: func(l *lane) {
			l.diverge()
			l.put("later", "l")
			l.commit("later")
			l.fails("rebase", "-q", "main")
		}, then: func(l *lane) {
			resolve("-c", "core.editor=true", "rebase", "--continue")(l)
			require.Equal(l.t, "wt/a", l.in("symbolic-ref", "--short", "HEAD"))
			require.FileExists(l.t, l.file("later"))
		}},
		{name: "rebase --apply", make: func(l *lane) { l.diverge(); l.fails("rebase", "-q", "--apply", "main") },
			then: resolve("-c", "core.editor=true", "rebase", "--continue")},
		{name: "rebase with autostash", make: func(l *lane) {
			l.diverge()
			l.put("dir/b.txt", "stashed")
			l.fails("rebase", "-q", "--autostash", "main")
		},
			then: func(l *lane) {
				l.in("rebase", "--abort")
				require.Equal(l.t, "M dir/b.txt", strings.TrimSpace(l.in("status", "--porcelain")))
			}},
		{name: "cherry-pick", make: func(l *lane) { l.diverge(); l.fails("cherry-pick", "main") }, then: resolve("-c", "core.editor=true", "cherry-pick", "--continue")},
		{name: "revert", make: func(l *lane) {
			l.put("dir/a.txt", "one\n")
			l.commit("one")
			l.put("dir/a.txt", "two\n")
			l.commit("two")
			l.fails("revert", "--no-edit", "HEAD~1")
		}, then: resolve("-c", "core.editor=true", "revert", "--continue")},
		{name: "am", make: func(l *lane) {
			l.diverge()
			patch := l.Git("format-patch", "-1", "-o", filepath.Dir(l.Dir), "main")
			l.fails("am", "-q", "--3way", patch)
		}, then: resolve("am", "--continue")},
		{name: "bisect", make: func(l *lane) {
			for i := range 5 {
				l.put("n", fmt.Sprint(i))
				l.commit("n")
			}
			l.in("bisect", "start")
			l.in("bisect", "bad")
			l.in("bisect", "good", "HEAD~4")
		}, then: func(l *lane) {
			l.in("bisect", "good")
			l.in("bisect", "reset")
			require.Equal(l.t, "wt/a", l.in("symbolic-ref", "--short", "HEAD"))
		}},
		{name: "detached with commits", make: func(l *lane) { l.in("checkout", "-q", "--detach"); l.put("n", "n"); l.commit("n") }},
		{name: "commits that only the reflog has", make: func(l *lane) { l.put("n", "n"); l.commit("n"); l.in("reset", "-q", "--hard", "HEAD~1") },
			then: func(l *lane) { require.Equal(l.t, "n", l.in("show", "HEAD@{1}:n")) }},
		{name: "orphan branch", make: func(l *lane) { l.in("checkout", "-q", "--orphan", "fresh"); l.put("n", "n") }},
		{name: "orphan branch, empty index", make: func(l *lane) { l.in("switch", "-q", "--orphan", "fresh"); l.put("n", "n") }},
		{name: "submodule with work", make: func(l *lane) {
			sub := gittest.NewRepo(l.t)
			l.in("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", sub.Dir, "sub")
			l.commit("sub")
			l.put("sub/work", "w")
		}, lacks: []string{"sub"}, then: func(l *lane) {
			if exists(l.file("sub/work")) {
				require.Contains(l.t, l.GitIn(l.file("sub"), "status", "--porcelain"), "?? work")
			}
		}},
		{name: "nested repository", make: func(l *lane) {
			gittest.NewRepo(l.t, gittest.At(l.file("nested")))
			l.put("new/n", "n")
			gittest.NewRepo(l.t, gittest.At(l.file("new/nested")))
		}, lacks: []string{"nested", "new/nested"}},
		{name: "names", make: func(l *lane) {
			for _, name := range []string{"new\nline", "quo\"te", `back\slash`, "tab\t", " space ", "\xff\xfe", "dir/\xe4", "-dash", "ünïcödé", "new\n/x", "*", "files", "manifest"} {
				l.put(name, name)
			}
			l.in("add", "quo\"te", "dir")
		}},
		{name: "empty directories", make: func(l *lane) { l.ok(os.MkdirAll(l.file("e/m/p/ty"), 0o755)); l.ok(os.Mkdir(l.file("dir/e"), 0o750)) }},
		{name: "permissions", make: func(l *lane) {
			l.put("secret", "s")
			l.put("exec", "e")
			l.put("locked/f", "f")
			for name, mode := range map[string]os.FileMode{"secret": 0o600, "exec": 0o700, "README.md": 0o640, "run.sh": 0o744, "dir": 0o750, "locked/f": 0o400, "dir/a.txt": 0o444, "locked": 0o555} {
				l.ok(os.Chmod(l.file(name), mode))
			}
		}},
		{name: "CRLF with autocrlf", make: func(l *lane) {
			l.Git("config", "core.autocrlf", "true")
			l.put("crlf.txt", "one\r\ntwo\r\n")
			l.commit("crlf")
			l.put("dir/b.txt", "b\r\n")
		}},
		{name: "line ends that a checkout would not give", make: func(l *lane) {
			l.put(".gitattributes", "*.txt text=auto eol=crlf\n")
			l.put("mixed.txt", "one\ntwo\n")
			l.commit("attributes")
		}},
		{name: "filter", make: func(l *lane) {
			l.Git("config", "filter.rot.clean", "tr a-z b-za")
			l.Git("config", "filter.rot.smudge", "tr b-za a-z")
			l.put(".gitattributes", "*.rot filter=rot\n")
			l.put("x.rot", "hello\n")
			l.commit("filtered")
			l.put("y.rot", "untracked\n")
		}},
		{name: "large file", make: func(l *lane) { l.put("large", strings.Repeat("0123456789abcdef", 20<<16)) }},
		{name: "intent to add", make: func(l *lane) {
			l.put("n", "n")
			l.put("m", "m")
			l.in("add", "-N", "n", "m")
			l.ok(os.Remove(l.file("m")))
		}},
		{name: "assume unchanged", make: func(l *lane) {
			l.in("update-index", "--assume-unchanged", "dir/a.txt", "dir/b.txt")
			l.put("dir/a.txt", "hidden")
			l.ok(os.Remove(l.file("dir/b.txt")))
		}},
		{name: "skip worktree", make: func(l *lane) { l.in("update-index", "--skip-worktree", "dir/a.txt"); l.put("dir/a.txt", "hidden") }},
		{name: "sparse checkout", make: func(l *lane) { l.in("sparse-checkout", "set", "dir"); l.put("dir/n", "n") },
			then: func(l *lane) { l.in("sparse-checkout", "disable"); require.FileExists(l.t, l.file("deep/er/c.txt")) }},
		{name: "split index", make: func(l *lane) { l.in("update-index", "--split-index"); l.put("dir/a.txt", "x"); l.in("add", "-A") }},
		{name: "executable untracked", make: func(l *lane) { l.put("tool", "#!"); l.ok(os.Chmod(l.file("tool"), 0o755)) }},
		{name: "hard links", make: func(l *lane) { l.ok(os.Link(l.file("dir/a.txt"), l.file("hard"))); l.put("hard", "both") }},
		{name: "stash", make: func(l *lane) { l.put("dir/a.txt", "x"); l.in("stash", "-q"); l.put("dir/b.txt", "y") },
			then: func(l *lane) { l.in("stash", "pop", "-q"); require.Contains(l.t, l.in("diff"), "+x") }},
		{name: "per-worktree ref and configuration", make: func(l *lane) {
			l.Git("config", "extensions.worktreeConfig", "true")
			l.in("config", "--worktree", "user.name", "Lane")
			l.put("n", "n")
			oid := l.in("hash-object", "-w", "n")
			l.in("update-ref", "refs/worktree/mine", oid)
		}, then: func(l *lane) {
			require.Equal(l.t, "n", l.in("cat-file", "blob", "refs/worktree/mine"))
			require.Equal(l.t, "Lane", l.in("config", "user.name"))
		}},
		{name: "sha256", opts: []gittest.Option{gittest.SHA256()}, make: func(l *lane) { l.diverge(); l.fails("merge", "-q", "main"); l.put("n", "n") }},
	}
}

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
				before := l.picture()
				trash, err := l.r.RemoveWorktree(t.Context(), Remove{Path: l.path, Op: "op1", Force: true})
				require.NoError(t, err)
				require.NoFileExists(t, l.path)
				var lacks []string
				if alone {
					lacks = s.lacks
					require.NoError(t, l.r.EmptyTrash(t.Context(), trash))
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
				l.Git("fsck", "--strict", "--no-dangling")
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
					require.NoError(t, l.r.EmptyTrash(t.Context(), trash))
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

//go:build unix

package git

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
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

// states are all of them.
func states() []state {
	return slices.Concat(plainStates(), shapeStates(), conflictStates(), operationStates(), nameStates(), contentStates(), indexStates())
}

// resolves ends an operation that stopped at a conflict in dir/a.txt.
func resolves(args ...string) func(*lane) {
	return func(l *lane) {
		l.put("dir/a.txt", "resolved\n")
		l.in("add", "dir/a.txt")
		l.in(args...)
		require.Empty(l.t, l.in("status", "--porcelain"))
	}
}

func plainStates() []state {
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
	}
}

func shapeStates() []state {
	return []state{
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
	}
}

func conflictStates() []state {
	return []state{
		{name: "merge conflict", make: func(l *lane) { l.diverge(); l.fails("merge", "-q", "main") }, then: resolves("commit", "-q", "--no-edit")},
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
			resolves("-c", "core.editor=true", "rebase", "--continue")(l)
			require.Equal(l.t, "wt/a", l.in("symbolic-ref", "--short", "HEAD"))
			require.FileExists(l.t, l.file("later"))
		}},
		{name: "rebase --apply", make: func(l *lane) { l.diverge(); l.fails("rebase", "-q", "--apply", "main") },
			then: resolves("-c", "core.editor=true", "rebase", "--continue")},
		{name: "rebase with autostash", make: func(l *lane) {
			l.diverge()
			l.put("dir/b.txt", "stashed")
			l.fails("rebase", "-q", "--autostash", "main")
		},
			then: func(l *lane) {
				l.in("rebase", "--abort")
				require.Equal(l.t, "M dir/b.txt", strings.TrimSpace(l.in("status", "--porcelain")))
			}},
		{name: "cherry-pick", make: func(l *lane) { l.diverge(); l.fails("cherry-pick", "main") }, then: resolves("-c", "core.editor=true", "cherry-pick", "--continue")},
	}
}

func operationStates() []state {
	return []state{
		{name: "revert", make: func(l *lane) {
			l.put("dir/a.txt", "one\n")
			l.commit("one")
			l.put("dir/a.txt", "two\n")
			l.commit("two")
			l.fails("revert", "--no-edit", "HEAD~1")
		}, then: resolves("-c", "core.editor=true", "revert", "--continue")},
		{name: "am", make: func(l *lane) {
			l.diverge()
			patch := l.Git("format-patch", "-1", "-o", filepath.Dir(l.Dir), "main")
			l.fails("am", "-q", "--3way", patch)
		}, then: resolves("am", "--continue")},
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
	}
}

func nameStates() []state {
	return []state{
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
	}
}

func contentStates() []state {
	return []state{
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
	}
}

func indexStates() []state {
	return []state{
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

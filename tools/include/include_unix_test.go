//go:build unix

package include

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// put makes a file with its directories.
func put(t testing.TB, mode fs.FileMode, content string, path ...string) string {
	t.Helper()
	name := filepath.Join(path...)
	require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o755))
	require.NoError(t, os.WriteFile(name, []byte(content), 0o600))
	require.NoError(t, os.Chmod(name, mode))
	return name
}

// shape is what of a directory a copy keeps: a line for each entry.
func shape(t *testing.T, dir string) string {
	var all strings.Builder
	require.NoError(t, filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		require.NoError(t, err)
		info, err := e.Info()
		require.NoError(t, err)
		name, _ := filepath.Rel(dir, path)
		switch {
		case name == ".":
			return nil
		case e.Type()&fs.ModeSymlink != 0:
			target, _ := os.Readlink(path)
			fmt.Fprintln(&all, name, "->", target)
		case e.IsDir():
			fmt.Fprintln(&all, name, info.Mode(), info.ModTime().UnixNano())
		default:
			content, err := os.ReadFile(path)
			require.NoError(t, err)
			fmt.Fprintln(&all, name, info.Mode(), info.ModTime().UnixNano(), len(content), string(content[:min(len(content), 20)]))
		}
		return nil
	}))
	return all.String()
}

func TestCopyKeepsModesTimesAndLinks(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	modules(t, filepath.Join(from, "mods"), 40)
	put(t, 0o444, strings.Repeat("large ", 50_000), from, "mods", "large")
	put(t, 0o755, "#!/bin/sh\n", from, "mods", "bin", "tool")
	put(t, 0o644, "", from, "mods", "empty")
	for i := range 3 * chunkSize {
		put(t, 0o640, fmt.Sprint(i), from, "mods", "flat", fmt.Sprint(i))
	}
	require.NoError(t, os.Symlink("../mods/bin/tool", filepath.Join(from, "mods", "relative")))
	require.NoError(t, os.Symlink("/nowhere/at/all", filepath.Join(from, "mods", "absolute")))
	require.NoError(t, os.Symlink("..", filepath.Join(from, "mods", "up")))
	put(t, 0o644, "deep", from, "mods", "ro", "sub", "file")
	long := time.Date(2001, 2, 3, 4, 5, 6, 789, time.UTC)
	require.NoError(t, os.Chtimes(filepath.Join(from, "mods", "large"), long, long))
	require.NoError(t, os.Chmod(filepath.Join(from, "mods", "ro"), 0o555))
	t.Cleanup(func() {
		os.Chmod(filepath.Join(from, "mods", "ro"), 0o755)
		os.Chmod(filepath.Join(to, "mods", "ro"), 0o755)
	})
	want := shape(t, from)

	r := Copy(t.Context(), from, to, []string{"mods/"}, nil)
	require.Empty(t, r.Errors)
	require.Equal(t, want, shape(t, to))
	require.Zero(t, r.Skipped)
	require.Equal(t, 40*20+3+3*chunkSize+3+1, r.Files)

	again := Copy(t.Context(), from, to, []string{"mods/"}, nil)
	require.Empty(t, again.Errors)
	require.Zero(t, again.Files)
	require.Equal(t, r.Files, again.Skipped)
	require.Equal(t, want, shape(t, to))
}

// What is there wins, and nothing is written or read through a link.
func TestCopyOverwritesNothingAndStaysInside(t *testing.T) {
	from, to, outside := t.TempDir(), t.TempDir(), t.TempDir()
	put(t, 0o644, "theirs", from, "cfg", "tracked")
	put(t, 0o644, "new", from, "cfg", "new")
	put(t, 0o644, "x", from, "escape", "a")
	put(t, 0o644, "x", from, "inner", "deep", "a")
	put(t, 0o644, "x", from, "dir")
	put(t, 0o644, "x", from, "file", "below")
	put(t, 0o644, "head", from, "mods", "nested", ".git", "HEAD")
	put(t, 0o644, "x", from, "mods", "nested", "code")
	put(t, 0o644, "gitdir: elsewhere", from, "mods", "worktree", ".git")
	put(t, 0o644, "x", from, "mods", "worktree", "code")
	require.NoError(t, syscall.Mkfifo(filepath.Join(from, "mods", "pipe"), 0o600))
	put(t, 0o644, "secret", outside, "secret")
	require.NoError(t, os.Symlink(outside, filepath.Join(from, "mods", "link")))

	put(t, 0o644, "ours", to, "cfg", "tracked")
	require.NoError(t, os.Symlink(outside, filepath.Join(to, "escape")))
	put(t, 0o644, "x", to, "elsewhere", "keep")
	require.NoError(t, os.Symlink("elsewhere", filepath.Join(to, "inner")))
	require.NoError(t, os.Mkdir(filepath.Join(to, "dir"), 0o755))
	put(t, 0o644, "ours", to, "file")

	r := Copy(t.Context(), from, to, []string{"cfg/", "escape/", "inner/deep/a", "dir", "file/", "mods/", "gone", "../up", "/etc/passwd"}, nil)
	require.Len(t, r.Errors, 2)
	require.Contains(t, strings.Join(r.Errors, "\n"), "leads out")
	require.NoDirExists(t, filepath.Join(to, "mods", "worktree"))
	require.Equal(t, 3, r.Files) // cfg/new, mods/link, mods/nested/code
	for name, content := range map[string]string{"cfg/tracked": "ours", "cfg/new": "new", "file": "ours", "mods/nested/code": "x"} {
		got, err := os.ReadFile(filepath.Join(to, name))
		require.NoError(t, err)
		require.Equal(t, content, string(got), name)
	}
	for _, absent := range []string{"mods/nested/.git", "mods/pipe", "elsewhere/deep"} {
		require.NoFileExists(t, filepath.Join(to, absent))
		require.NoDirExists(t, filepath.Join(to, absent))
	}
	entries, err := os.ReadDir(outside)
	require.NoError(t, err)
	require.Len(t, entries, 1)
	target, err := os.Readlink(filepath.Join(to, "mods", "link"))
	require.NoError(t, err)
	require.Equal(t, outside, target)
}

// What a kill left is finished: half a file, and a directory without its mode.
func TestCopyFinishesOneThatWasKilled(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	put(t, 0o644, "whole content", from, "mods", "a")
	put(t, 0o600, "b", from, "mods", "b")
	require.NoError(t, os.Chmod(filepath.Join(from, "mods"), 0o750))
	put(t, unfinishedFile, "whole", to, "mods", "a")
	require.NoError(t, os.Chmod(filepath.Join(to, "mods"), unfinishedDir))
	r := Copy(t.Context(), from, to, []string{"mods/"}, nil)
	require.Empty(t, r.Errors)
	require.Equal(t, 2, r.Files)
	require.Equal(t, shape(t, from), shape(t, to))
}

// A worktree lies inside the checkout that it is filled from.
func TestCopyDoesNotCopyItself(t *testing.T) {
	from := t.TempDir()
	put(t, 0o644, "x", from, "all", "file")
	to := filepath.Join(from, "all", "trees", "lane")
	require.NoError(t, os.MkdirAll(to, 0o755))
	r := Copy(t.Context(), from, to, []string{"all/"}, nil)
	require.Empty(t, r.Errors)
	require.Equal(t, 1, r.Files)
	require.FileExists(t, filepath.Join(to, "all", "file"))
	require.NoDirExists(t, filepath.Join(to, "all", "trees", "lane"))
}

func TestCopyEndsWithItsContext(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	modules(t, filepath.Join(from, "mods"), 10)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := Copy(ctx, from, to, []string{"mods/"}, nil)
	require.False(t, r.Complete())
	require.Zero(t, r.Files)
}

//go:build linux

package torture_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// mountPoint tells the test that it is the child in a mount namespace of its own.
const mountPoint = "WT_TORTURE_MOUNT"

// Invariants 1, 3 and 11 on a disk that is really full: a small tmpfs in a mount
// namespace of its own. Changes are refused with words that say why, what was
// there stays and can be read, kills make it no worse, and once there is room
// again the next call works.
func TestFullDisk(t *testing.T) {
	dir := os.Getenv(mountPoint)
	if dir == "" {
		inNamespace(t)
		return
	}
	require.NoError(t, syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=6m"))
	defer func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) }()
	d := &disk{r: newRepoAt(t, filepath.Join(dir, "repo")), filler: filepath.Join(dir, "filler")}
	s := d.r.open()
	for i := range 3 {
		s.must(t, "task_create", args{"subject": fmt.Sprintf("old %d", i+1)})
	}
	s.must(t, "worktree_create", args{"name": "old", "task_id": 1})
	d.unrecorded(t, s)
	d.fill(t)
	d.refused(t, s)
	d.readable(t, s)
	d.killed(t)
	d.readable(t, s)
	require.NoError(t, os.Remove(d.filler))
	s.must(t, "task_update", args{"task_id": 2, "note": "there is room again"})
	s.must(t, "task_create", args{"subject": "new"})
	s.must(t, "worktree_create", args{"name": "new", "task_id": 2})
	s.must(t, "worktree_remove", args{"name": "old"})
	d.r.close(s)
	o := d.r.requireSound("old", "new")
	for i := range 3 {
		require.Equal(t, fmt.Sprintf("old %d", i+1), o.tasks[i+1].Subject)
	}
	require.Equal(t, "new", o.tasks[2].Worktree)
}

// inNamespace runs this test again where it may mount.
func inNamespace(t *testing.T) {
	unshare := []string{"unshare", "-Urm"}
	if os.Geteuid() == 0 {
		unshare = []string{"unshare", "-m"}
	}
	dir := t.TempDir()
	try := exec.Command(unshare[0], append(unshare[1:], "mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", dir)...)
	if out, err := try.CombinedOutput(); err != nil {
		t.Skipf("no small disk can be mounted here: %v: %s", err, out)
	}
	again := append(unshare[1:], os.Args[0], "-test.run=^TestFullDisk$", "-test.v", "-torture.bin="+*program)
	if *long {
		again = append(again, "-torture.long")
	}
	cmd := exec.Command(unshare[0], again...)
	cmd.Env = append(os.Environ(), mountPoint+"="+dir)
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	require.NoError(t, err)
}

// disk is a repository on a small file system.
type disk struct {
	r      *repo
	filler string
}

// fill writes until there is not a byte left.
func (d *disk) fill(t *testing.T) {
	t.Helper()
	f, err := os.OpenFile(d.filler, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	require.NoError(t, err)
	for _, size := range []int{64 << 10, 4 << 10, 512, 1} {
		for block := make([]byte, size); err == nil; {
			_, err = f.Write(block)
		}
		require.True(t, errors.Is(err, syscall.ENOSPC) || errors.Is(err, io.ErrShortWrite), "%v", err)
		err = nil
	}
	require.NoError(t, f.Close())
}

// refused tries what changes something.
func (d *disk) refused(t *testing.T, s *server) {
	t.Helper()
	before := d.r.look()
	for _, c := range []struct {
		tool string
		a    args
	}{
		{"task_create", args{"subject": "too much"}},
		{"task_update", args{"task_id": 1, "note": strings.Repeat("too much ", 1000)}},
		{"worktree_create", args{"name": "too-much"}},
		{"worktree_keep", args{"name": "old"}},
		{"worktree_remove", args{"name": "old"}},
	} {
		out, err := s.call(c.tool, c.a)
		require.NoError(t, err)
		require.NotEmpty(t, out.Code, "%s worked on a full disk: %s", c.tool, out.Text)
		require.Regexp(t, "(?i)disk is full|no space left", out.Text, "%s must say why", c.tool)
		require.NotContains(t, out.Text, "panic")
	}
	after := d.r.look()
	require.Empty(t, after.faults)
	require.Equal(t, before.tasks, after.tasks)
	require.Equal(t, before.entries, after.entries)
	require.Equal(t, before.trees, after.trees)
	require.Equal(t, before.branches, after.branches)
	require.Equal(t, before.events, after.events)
}

// unrecorded removes a worktree while the disk gets full between the rename of its
// directory and the outcome on the board: the answer does not say that nothing was
// changed, and once there is room the removal is told and can be undone.
func (d *disk) unrecorded(t *testing.T, s *server) {
	t.Helper()
	brim := d.r.path(".worktrees", "brim")
	s.must(t, "worktree_create", args{"name": "brim"})
	d.r.git("-C", brim, "commit", "-q", "--allow-empty", "-m", "keeps the branch, whose end would make room")
	told := regexp.MustCompile(`worktree_restore \{"snapshot":"([^"]+)"`)
	for range 20 {
		require.NoError(t, os.WriteFile(filepath.Join(brim, "work"), []byte("work\n"), 0o644))
		stop := d.fillOnceGone(t, brim)
		out, err := s.call("worktree_remove", args{"name": "brim", "force": true})
		stop()
		require.NoError(t, err)
		gone := !exists(brim)
		if gone {
			require.NotContains(t, out.Text, "nothing was changed")
			id := told.FindStringSubmatch(out.Text)
			require.Len(t, id, 2, out.Text)
			require.Eventually(t, func() bool { // somebody may be ending the removal
				back, err := s.call("worktree_restore", args{"snapshot": id[1]})
				require.NoError(t, err)
				require.Contains(t, []string{"", "busy"}, back.Code, back.Text)
				return back.Code == ""
			}, time.Minute, 10*time.Millisecond)
		}
		require.FileExists(t, filepath.Join(brim, "work"))
		if gone && out.Code != "" {
			require.Contains(t, out.Text, "no space left")
			s.must(t, "worktree_remove", args{"name": "brim", "force": true})
			return
		}
	}
	t.Fatal("the disk was never full at that moment")
}

// fillOnceGone keeps the disk full from the moment on when a directory is gone.
func (d *disk) fillOnceGone(t *testing.T, dir string) (stop func()) {
	t.Helper()
	f, err := os.Create(d.filler)
	require.NoError(t, err)
	ended, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for block := make([]byte, 64<<10); ; {
			select {
			case <-ended:
				return
			default:
			}
			if !exists(dir) {
				_, _ = f.Write(block) // in the end it fails, again and again
			}
		}
	}()
	return func() {
		close(ended)
		<-done
		f.Close()
		require.NoError(t, os.Remove(d.filler))
	}
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// readable reads everything through an old and through a new session.
func (d *disk) readable(t *testing.T, s *server) {
	t.Helper()
	fresh := d.r.open()
	for _, s := range []*server{s, fresh} {
		for i := range 3 {
			require.Equal(t, fmt.Sprintf("old %d", i+1), as[task](s.must(t, "task_get", args{"task_id": i + 1})).Subject)
		}
		require.Contains(t, s.must(t, "task_list", args{}).Text, "old 3")
		require.Contains(t, s.must(t, "worktree_list", args{}).Text, "old")
		s.must(t, "worktree_status", args{"name": "old"})
		s.must(t, "worktree_events", args{})
	}
	d.r.close(fresh)
	o := d.r.look()
	require.Empty(t, o.faults)
}

// killed kills servers while they try to write.
func (d *disk) killed(t *testing.T) {
	t.Helper()
	rng, times := random(t, 0), either(10, 100)
	for i := range times {
		s := d.r.open()
		done := make(chan error, 1)
		go func() {
			var err error
			for err == nil {
				_, err = s.call([]string{"task_create", "worktree_create"}[i%2], args{[]string{"subject", "name"}[i%2]: "too-much"})
			}
			done <- err
		}()
		time.Sleep(time.Duration(rng.IntN(20)) * time.Millisecond)
		if rng.IntN(2) == 0 {
			s.kill()
		} else {
			s.killFamily()
		}
		require.ErrorIs(t, <-done, errGone)
		require.NoError(t, s.sound())
		require.Eventually(t, func() bool { return len(marked(s.mark+".")) == 0 }, patience, 5*time.Millisecond)
	}
	t.Logf("%d servers killed while the disk was full", times)
}

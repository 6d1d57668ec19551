//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"wt-mcp/git"
	"wt-mcp/tools/config"
)

// The helpers below plant what a lane can write: every program leaves a file in a
// directory outside, the canary, if it is ever run.

func (s *scratch) canary() string { return s.path("../canary") }

// ran lists who left a trace.
func (s *scratch) ran() (names []string) {
	s.t.Helper()
	entries, err := os.ReadDir(s.canary())
	require.NoError(s.t, err)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// trap is a program that tells by which setting it was run, and passes its input on.
func (s *scratch) trap(name string) string { return "touch '" + s.canary() + "/" + name + "'; cat" }

// programKeys are settings by which git runs something, somewhere.
var programKeys = []string{"filter.clean.clean", "filter.clean.smudge", "filter.process.process", "filter.lfs.clean", "filter.lfs.smudge", "filter.lfs.process",
	"merge.evil.driver", "diff.evil.textconv", "diff.evil.command", "diff.external", "core.fsmonitor", "core.sshCommand", "core.gitProxy", "core.pager",
	"core.editor", "core.askPass", "core.alternateRefsCommand", "credential.helper", "gpg.program", "gpg.ssh.program", "sequence.editor", "alias.status",
	"uploadpack.packObjectsHook", "interactive.diffFilter", "pager.status", "remote.origin.uploadpack", "remote.evil.vcs", "lfs.customtransfer.x.path", "trailer.x.command"}

const everyAttribute = "[attr]macro filter=clean merge=evil diff=evil\n* macro\n*.bin filter=process\n*.lfs filter=lfs\n*.utf16 working-tree-encoding=UTF-16LE\n"

// plantConfig is a configuration file full of traps.
func (s *scratch) plantConfig(file, mark string) {
	s.t.Helper()
	for _, key := range programKeys {
		s.git("config", "--file", file, key, s.trap(mark+"-"+key))
		if filter, ok := strings.CutPrefix(key, "filter."); ok {
			name, _, _ := strings.Cut(filter, ".")
			s.git("config", "--file", file, "filter."+name+".required", "true")
		}
	}
	s.git("config", "--file", file, "trace2.eventTarget", s.canary()+"/"+mark+"-trace2")
	s.git("config", "--file", file, "core.hooksPath", s.path("../hooks"))
}

// newTrapped is a repository with a lane, into all of whose configuration traps
// were written from that lane.
func newTrapped(t *testing.T) (*scratch, *peer) {
	t.Helper()
	s := newScratch(t)
	require.NoError(t, os.Mkdir(s.canary(), 0o755))
	for _, name := range []string{"a.txt", "b.bin", "c.lfs", "d.utf16"} {
		s.write(name, "content\n")
	}
	s.git("add", "-A")
	s.git("commit", "-q", "-m", "files")
	p := s.dial(false)
	s.must(p, "worktree_create", `{"name":"lane"}`)
	s.must(p, "worktree_create", `{"name":"behind"}`)
	s.git("worktree", "add", "-q", "-b", "foreign", s.path("../foreign"))
	for dir, text := range map[string]string{".worktrees/lane": "lane\n", ".": "main\n"} {
		s.write(dir+"/a.txt", text) // both sides change: a merge driver has work
		s.git("-C", s.path(dir), "commit", "-q", "-a", "-m", text)
	}
	s.plantConfig(".git/config", "shared")
	s.plantConfig("../included", "included")
	s.git("config", "extensions.worktreeConfig", "true")
	s.git("config", "include.path", "../../included")
	s.git("config", "includeIf.gitdir:"+s.dir+"/.path", "../../included")
	for name, file := range map[string]string{"main": ".git/config.worktree", "own": ".git/worktrees/lane/config.worktree"} {
		s.plantConfig(file, name)
	}
	for _, hook := range []string{"post-checkout", "post-index-change", "reference-transaction", "pre-commit", "post-commit"} {
		for _, dir := range []string{"../hooks/", ".git/hooks/"} {
			s.write(dir+hook, "#!/bin/sh\n"+s.trap("hook-"+hook)+" >/dev/null\n")
			require.NoError(t, os.Chmod(s.path(dir+hook), 0o755))
		}
	}
	for _, name := range []string{".git/info/attributes", ".worktrees/lane/.gitattributes", ".worktrees/behind/.gitattributes"} {
		s.write(name, everyAttribute)
	}
	s.touch()
	return s, p
}

// touch makes git look into every file again.
func (s *scratch) touch() {
	s.t.Helper()
	later := time.Now().Add(time.Hour)
	for _, dir := range []string{".", ".worktrees/lane", ".worktrees/behind", "../foreign"} {
		names, err := filepath.Glob(s.path(dir, "[a-d].*"))
		require.NoError(s.t, err)
		for _, name := range names {
			require.NoError(s.t, os.Chtimes(name, later, later))
		}
	}
}

// The traps are real ones: the user's own git falls into them.
func TestTrapsAreSharp(t *testing.T) {
	t.Parallel()
	s, _ := newTrapped(t)
	s.git("-c", "core.fsmonitor=false", "-C", s.path(".worktrees/lane"), "checkout-index", "-f", "a.txt")
	require.Contains(t, strings.Join(s.ran(), " "), "filter.clean.smudge")
}

// No call runs anything that was written into the repository.
func TestNothingPlantedRuns(t *testing.T) {
	t.Parallel()
	s, p := newTrapped(t)
	second := s.dial(false) // found nothing else before
	for _, c := range []struct{ tool, args string }{
		{"task_list", `{}`},
		{"worktree_list", `{}`},
		{"worktree_status", `{"name":"lane"}`},
		{"worktree_status", `{"name":"behind"}`},
		{"worktree_create", `{"name":"new"}`},
		{"worktree_create", `{"name":"at","base_ref":"wt/lane"}`},
		{"worktree_snapshot", `{"name":"lane"}`},
		{"worktree_run", `{"name":"lane","command":"echo x >> ../../a.txt"}`},
		{"worktree_adopt", `{"path":"` + s.path("../foreign") + `"}`},
		{"worktree_prune", `{"older_than":"0s"}`},
		{"worktree_remove", `{"name":"behind"}`},
		{"worktree_remove", `{"name":"lane","force":true}`},
		{"worktree_prune", `{"dry_run":false,"older_than":"0s"}`},
	} {
		for _, server := range []*peer{p, second} {
			s.touch()
			r, err := server.call(c.tool, c.args)
			require.NoError(t, err)
			require.Empty(t, s.ran(), "%s %s: %s", c.tool, c.args, r.text())
			if server == p && c.tool != "worktree_remove" {
				require.False(t, r.IsError, "%s %s: %s", c.tool, c.args, r.text())
			}
			if strings.Contains(c.args, `"force":true`) && server == p {
				s.restoreAll(p, r)
			}
		}
	}
	for _, args := range [][]string{{"doctor"}, {"call", "worktree_list", "{}"}, {"call", "worktree_create", `{"name":"last"}`}, {"worktrees"}, {"demo"}} {
		cmd := exec.Command("wt-mcp", args...)
		cmd.Dir, cmd.Env = s.dir, s.env
		out, _ := cmd.CombinedOutput() // doctor has found something
		require.Empty(t, s.ran(), "%v: %s", args, out)
	}
}

func (s *scratch) restoreAll(p *peer, removed result) {
	s.t.Helper()
	_, id, _ := strings.Cut(removed.text(), `worktree_restore {"snapshot":"`)
	id, _, _ = strings.Cut(id, `"`)
	s.must(p, "worktree_restore", fmt.Sprintf(`{"snapshot":%q}`, id))
	require.Empty(s.t, s.ran(), "restore")
}

// What is compared is what lies there: a file that a filter would call unchanged has
// changed for us, and the answers name the filter and how to approve it.
func TestUnapprovedFilterIsNamed(t *testing.T) {
	t.Parallel()
	s, p := newTrapped(t)
	status := s.must(p, "worktree_status", `{"name":"lane"}`)
	require.Contains(t, fmt.Sprint(status["notes"]), "filter.clean")
	require.Contains(t, fmt.Sprint(status["notes"]), "wt-mcp trust")
	created := s.must(p, "worktree_create", `{"name":"new"}`)
	require.Contains(t, fmt.Sprint(created["note"]), "filter.clean")
	require.Equal(t, "content\n", s.read(".worktrees/new/b.bin"))
	cmd := exec.Command("wt-mcp", "doctor")
	cmd.Dir, cmd.Env = s.dir, s.env
	out, _ := cmd.CombinedOutput() // something was found
	require.Contains(t, string(out), "unapproved git configuration of the repository: not in effect")
}

// Somebody changes the configuration while git looks.
func TestPlantingMeanwhileRunsNothing(t *testing.T) {
	t.Parallel()
	s, p := newTrapped(t)
	full, err := os.ReadFile(s.path(".git/config"))
	require.NoError(t, err)
	s.git("config", "--file", "../plain", "core.repositoryformatversion", "0")
	plain, err := os.ReadFile(s.path("../plain"))
	require.NoError(t, err)
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				text := full
				if i%2 == 0 {
					text = plain
				}
				if os.WriteFile(s.path(".git/config.new"), text, 0o644) == nil {
					_ = os.Rename(s.path(".git/config.new"), s.path(".git/config"))
				}
				time.Sleep(time.Millisecond)
			}
		}
	}()
	for range 15 {
		s.touch()
		_, err := p.call("worktree_status", `{"name":"lane"}`)
		require.NoError(t, err)
	}
	close(stop)
	<-done
	require.Empty(t, s.ran())
}

// A directory of a stranger's files that looks like a bare repository is none of ours
// unless the user names it; nor does its configuration have a say then.
func TestBareRepositoryInAWorkingTree(t *testing.T) {
	t.Parallel()
	s := newScratch(t)
	require.NoError(t, os.Mkdir(s.canary(), 0o755))
	s.git("clone", "-q", "--bare", ".", "docs")
	s.plantConfig("docs/config", "docs")
	s.write("docs/info/attributes", everyAttribute)
	for _, flags := range [][]string{nil, {"--repo", s.path("docs")}} {
		cmd := s.command(append([]string{"call"}, append(flags, "worktree_create", `{"name":"lane"}`)...)...)
		cmd.Dir = s.path("docs")
		out, err := cmd.CombinedOutput()
		require.Equal(t, flags == nil, err != nil, "%s", out)
		require.Empty(t, s.ran(), "%s", out)
	}
}

// The configuration of a submodule has no say, whatever its .git leads to; what has
// changed in it is told all the same.
func TestSubmodulesRunNothing(t *testing.T) {
	t.Parallel()
	s := newScratch(t)
	require.NoError(t, os.Mkdir(s.canary(), 0o755))
	s.git("init", "-q", "../module")
	s.git("-C", s.path("../module"), "commit", "-q", "--allow-empty", "-m", "module")
	s.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", "../module", "sub")
	s.write("evil/.keep", "")
	s.git("add", "-A")
	s.git("commit", "-q", "-m", "submodule")
	p := s.dial(false)
	for _, name := range []string{"own", "evil"} {
		s.must(p, "worktree_create", `{"name":"`+name+`"}`)
		s.git("-C", s.path(".worktrees", name), "-c", "protocol.file.allow=always", "submodule", "--quiet", "update", "--init")
		s.write(".worktrees/"+name+"/sub/.gitattributes", everyAttribute)
		s.write(".worktrees/"+name+"/sub/a.txt", "new\n")
		s.git("-C", s.path(".worktrees", name, "sub"), "add", ".")
	}
	modules, err := filepath.Glob(s.path(".git/worktrees/*/modules/sub"))
	require.NoError(t, err)
	require.Len(t, modules, 2)
	for _, dir := range modules {
		s.plantConfig(dir+"/config", "module")
	}
	require.NoError(t, os.Rename(modules[0], s.path(".worktrees/evil/evil/git")))
	s.write(".worktrees/evil/sub/.git", "gitdir: ../evil/git\n")
	for _, name := range []string{"own", "evil"} {
		later := time.Now().Add(time.Hour)
		require.NoError(t, os.Chtimes(s.path(".worktrees", name, "sub/a.txt"), later, later))
		for _, tool := range []string{"worktree_status", "worktree_snapshot", "worktree_remove"} {
			r, err := p.call(tool, `{"name":"`+name+`"}`)
			require.NoError(t, err)
			require.Empty(t, s.ran(), "%s %s: %s", tool, name, r.text())
			if tool != "worktree_snapshot" {
				require.Contains(t, r.text(), "sub", tool)
			}
		}
	}
}

// The user's own filters work, from the global configuration: LFS is one. Those of a
// repository work once the user approved them, as they are; what the global
// configuration says of programs is that of the start.
func TestUsersFiltersWork(t *testing.T) {
	t.Parallel()
	s := newScratch(t)
	require.NoError(t, os.Mkdir(s.canary(), 0o755))
	for name, file := range map[string]string{"global": "--global", "ours": "--local"} {
		s.git("config", file, "filter."+name+".clean", "tr a-z n-za-m")
		s.git("config", file, "filter."+name+".smudge", "tr a-z n-za-m")
		s.git("config", file, "filter."+name+".required", "true")
	}
	s.write(".gitattributes", "*.lfs filter=global\n*.own filter=ours\n")
	s.write("a.lfs", "content\n")
	s.write("b.own", "content\n")
	s.git("add", "-A")
	s.git("commit", "-q", "-m", "filtered")
	p := s.dial(false)
	s.must(p, "worktree_create", `{"name":"before"}`)
	require.Equal(t, "content\n", s.read(".worktrees/before/a.lfs"), "the global filter works")
	require.Equal(t, "pbagrag\n", s.read(".worktrees/before/b.own"), "the other one was not approved")
	require.Equal(t, true, s.must(p, "worktree_status", `{"name":"before"}`)["clean"])

	repo, err := git.Open(t.Context(), s.dir)
	require.NoError(t, err)
	defer repo.Close()
	asked, err := repo.Programs(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"filter.ours"}, asked.Drivers())
	require.NoError(t, config.Find(s.getenv, s.dir).ApprovePrograms(asked.Digest))
	s.git("config", "--global", "filter.global.smudge", s.trap("global"))
	out := s.must(p, "worktree_create", `{"name":"after"}`)
	require.Equal(t, "content\n", s.read(".worktrees/after/a.lfs"))
	require.Equal(t, "content\n", s.read(".worktrees/after/b.own"))
	require.NotContains(t, out, "note")
	require.Empty(t, s.ran())

	s.git("config", "filter.ours.smudge", s.trap("changed"))
	s.must(p, "worktree_create", `{"name":"changed"}`)
	require.Equal(t, "pbagrag\n", s.read(".worktrees/changed/b.own"), "what was changed is not approved")
	require.Empty(t, s.ran())
}

func (s *scratch) getenv(name string) (value string) {
	for _, kv := range s.env {
		if v, ok := strings.CutPrefix(kv, name+"="); ok {
			value = v
		}
	}
	return value
}

// A clone that lacks objects fetches nothing unasked, and says so.
func TestPartialCloneFetchesNothingUnapproved(t *testing.T) {
	t.Parallel()
	s := newScratch(t)
	require.NoError(t, os.Mkdir(s.canary(), 0o755))
	s.git("config", "uploadpack.allowFilter", "true")
	s.git("clone", "-q", "--filter=blob:none", "--no-checkout", "file://"+s.dir, "../partial")
	s.dir = s.path("../partial")
	s.git("config", "core.sshCommand", s.trap("ssh"))
	s.git("remote", "set-url", "origin", "ssh://host/x")
	p := s.dial(false)
	r, err := p.call("worktree_create", `{"name":"lane"}`)
	require.NoError(t, err)
	require.True(t, r.IsError, r.text())
	require.Contains(t, r.text(), "git fetch")
	require.Contains(t, r.text(), "wt-mcp trust")
	require.Empty(t, s.ran())

	repo, err := git.Open(t.Context(), s.dir)
	require.NoError(t, err)
	defer repo.Close()
	s.git("remote", "set-url", "origin", "file://"+s.path("../repo"))
	asked, err := repo.Programs(t.Context())
	require.NoError(t, err)
	require.NoError(t, config.Find(s.getenv, s.dir).ApprovePrograms(asked.Digest))
	s.must(p, "worktree_create", `{"name":"lane"}`)
	require.Equal(t, "readme\n", s.read(".worktrees/lane/README.md"))
	require.Empty(t, s.ran())
}

// The real Git LFS, installed as its users install it.
func TestLargeFileStorage(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("git-lfs"); err != nil {
		t.Skip("git-lfs is not installed")
	}
	s := newScratch(t)
	s.git("lfs", "install", "--skip-repo")
	s.git("lfs", "track", "*.bin")
	s.write("a.bin", "large\n")
	s.git("add", "-A")
	s.git("commit", "-q", "-m", "large file")
	require.Contains(t, s.git("cat-file", "-p", "HEAD:a.bin"), "git-lfs")
	p := s.dial(false)
	out := s.must(p, "worktree_create", `{"name":"lane"}`)
	require.NotContains(t, out, "note")
	require.Equal(t, "large\n", s.read(".worktrees/lane/a.bin"))
	s.write(".worktrees/lane/b.bin", "new\n")
	s.git("-C", s.path(".worktrees/lane"), "add", "-A")
	s.git("-C", s.path(".worktrees/lane"), "commit", "-q", "-m", "another")
	later := time.Now().Add(time.Hour)
	require.NoError(t, os.Chtimes(s.path(".worktrees/lane/a.bin"), later, later))
	require.Equal(t, true, s.must(p, "worktree_status", `{"name":"lane"}`)["clean"])
	s.must(p, "worktree_create", `{"name":"next","base_ref":"wt/lane"}`)
	require.Equal(t, "new\n", s.read(".worktrees/next/b.bin"))
}

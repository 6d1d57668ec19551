package git

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
)

// repository is one that lies within a worktree: its top and its git directory.
// linked says that it is a worktree of a repository elsewhere.
type repository struct {
	name, top, gitDir string
	linked            bool
}

// repositoryAt reads the .git of a directory at or below top.
func repositoryAt(dir, top, origin string) (repository, bool) {
	name, err := filepath.Rel(top, dir)
	repo := repository{name: filepath.ToSlash(name), top: dir, gitDir: filepath.Join(dir, ".git")}
	if pointer, e := readSmall(repo.gitDir); err == nil && e == nil {
		target, ok := strings.CutPrefix(pointer, "gitdir: ")
		if !ok {
			return repo, false
		}
		repo.gitDir = absolute(filepath.Join(origin, name), target)
		if inside, err := filepath.Rel(origin, repo.gitDir); err == nil && filepath.IsLocal(inside) {
			repo.gitDir = filepath.Join(top, inside)
		}
	}
	repo.linked = exists(filepath.Join(repo.gitDir, "commondir"))
	return repo, err == nil && exists(filepath.Join(repo.gitDir, "HEAD"))
}

// work says in words what a repository has that is nowhere else; "" for nothing.
func (r *Repo) work(ctx context.Context, repo repository) (string, error) {
	if repo.linked {
		return "is a worktree of " + filepath.Dir(filepath.Dir(filepath.Dir(repo.gitDir))), nil
	}
	own, err := r.ownCommits(ctx, repo.gitDir)
	if err != nil {
		return "", err
	}
	changed, err := r.changedIn(ctx, repo)
	switch {
	case err != nil:
		return "", err
	case changed > 0 && own > 0:
		return fmt.Sprintf("has %d changed or untracked files, and %d commits that no remote has", changed, own), nil
	case changed > 0:
		return fmt.Sprintf("has %d changed or untracked files", changed), nil
	case own > 0:
		return fmt.Sprintf("has %d commits that no remote has", own), nil
	}
	return "", nil
}

// ownCommits counts the commits of HEAD, branches and stashes of a repository
// that did not come from a remote as far as it knows: remote-tracking branches,
// what was fetched last, where a clone began, and where history was cut off.
// Tags hold nothing and are not searched, since nobody says where they came from.
func (r *Repo) ownCommits(ctx context.Context, gitDir string) (own int, err error) {
	at := repository{gitDir: gitDir}.place()
	ask := func(args ...string) (string, error) {
		out, err := r.git.whole(ctx, call{dir: gitDir, at: at, args: args})
		return strings.TrimSpace(string(out)), err
	}
	args := []string{"rev-list", "--count", "--ignore-missing"}
	for _, rev := range []string{"HEAD", "refs/stash"} {
		if oid, err := ask("rev-parse", "--verify", "--quiet", rev+"^{commit}"); err == nil {
			args = append(args, oid)
		} else if exitCode(err) < 0 {
			return 0, err
		}
	}
	args = append(append(args, "--branches", "--not", "--remotes"), fetched(gitDir)...)
	out, err := ask(append(args, "--")...)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(out)
}

// fetched reads the object ids which a repository has noted as a remote's:
// FETCH_HEAD, shallow, and the first line of a clone's reflog.
func fetched(gitDir string) []string {
	var ids []string
	for _, name := range []string{"FETCH_HEAD", "shallow"} {
		content, _ := readSmall(filepath.Join(gitDir, name))
		for line := range strings.Lines(content) {
			if id := strings.Fields(line); len(id) > 0 && isObjectID(id[0]) {
				ids = append(ids, id[0])
			}
		}
	}
	log, _ := readSmall(filepath.Join(gitDir, "logs", "HEAD"))
	first, _, _ := strings.Cut(log, "\n")
	if who, what, ok := strings.Cut(first, "\t"); ok && strings.HasPrefix(what, "clone: ") {
		if id := strings.Fields(who); len(id) > 1 && isObjectID(id[1]) {
			ids = append(ids, id[1])
		}
	}
	return ids
}

// changedIn counts what differs from HEAD in the files of a repository.
func (r *Repo) changedIn(ctx context.Context, repo repository) (int, error) {
	left := maxRepositories
	status, err := r.statusWithin(ctx, repo, &left)
	return len(status.Changed()), err
}

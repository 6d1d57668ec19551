package git

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// Target is a local branch that work can land in.
type Target struct {
	Ref      string // full name, symbolic refs followed
	Tip      string // full object id
	Upstream Upstream
}

// Branch is the short name.
func (t Target) Branch() string { return branchOf(t.Ref) }

// Upstream is where a branch is pushed to. Nothing of it was asked of the remote.
type Upstream struct {
	Remote string // "" where it is not known
	Branch string // its name there; "" where the branch has no upstream
	Host   string // of the remote's address; "" for a path
	Tip    string // of its remote-tracking branch; "" where there is none
}

// ErrNotBranch says that a name is no local branch, but something else; What says what.
var ErrNotBranch = errors.New("not a local branch")

// FindTarget finds the local branch of a name, short or full; a tag or a remote's branch
// of that name has no say. A symbolic ref is taken for the branch that it leads to. It
// fails with ErrInvalidName, ErrNoCommits for a branch that has none yet, ErrNotBranch
// where the name means something else, or ErrNoBranch.
func (r *Repo) FindTarget(ctx context.Context, name string) (Target, error) {
	branch := strings.TrimPrefix(name, "refs/heads/")
	if err := CheckBranchName(branch); err != nil {
		if other := r.otherMeaning(ctx, name); other != nil {
			return Target{}, other
		}
		return Target{}, err
	}
	out, err := r.read(ctx, "for-each-ref", "--format=%(refname)%00%(objectname)%00%(symref)", "refs/heads/"+branch)
	if err != nil {
		return Target{}, fmt.Errorf("look up branch %s: %w", branch, err)
	}
	for line := range strings.Lines(string(out)) {
		parts := strings.Split(strings.TrimSuffix(line, "\n"), "\x00")
		if len(parts) != 3 || parts[0] != "refs/heads/"+branch {
			continue
		}
		if parts[2] != "" {
			return r.throughSymref(ctx, parts[0], parts[2])
		}
		t := Target{Ref: parts[0], Tip: parts[1]}
		t.Upstream, err = r.upstream(ctx, t.Branch())
		return t, err
	}
	if other := r.otherMeaning(ctx, name); other != nil {
		return Target{}, other
	}
	return Target{}, refuse(ErrNoBranch, branch)
}

// throughSymref finds the branch that a symbolic ref leads to: git has followed it to
// its end.
func (r *Repo) throughSymref(ctx context.Context, from, to string) (Target, error) {
	if !isLocal(to) || to == from {
		return Target{}, refuse(ErrNotBranch, from+" leads to "+to)
	}
	return r.FindTarget(ctx, to)
}

// otherMeaning says what a name is that is no local branch; nil where it is nothing.
func (r *Repo) otherMeaning(ctx context.Context, name string) error {
	m, err := r.Resolve(ctx, name)
	switch {
	case errors.Is(err, ErrNoCommits):
		return err
	case err != nil && !errors.Is(err, ErrAmbiguous):
		return nil
	case strings.HasPrefix(m.Ref, "refs/tags/"):
		return refuse(ErrNotBranch, "a tag")
	case strings.HasPrefix(m.Ref, "refs/remotes/"):
		return refuse(ErrNotBranch, "a remote's branch")
	}
	return refuse(ErrNotBranch, "a commit")
}

// upstream reads what the configuration says of a branch: its own upstream, else the one
// remote that there is, or origin.
func (r *Repo) upstream(ctx context.Context, branch string) (u Upstream, err error) {
	out, err := r.read(ctx, "for-each-ref", "--format=%(upstream)%00%(upstream:remotename)%00%(upstream:remoteref)", "refs/heads/"+branch)
	if err != nil {
		return u, fmt.Errorf("read upstream of %s: %w", branch, err)
	}
	line, _, _ := strings.Cut(string(out), "\n")
	if parts := strings.Split(line, "\x00"); len(parts) == 3 && parts[1] != "" && parts[1] != "." {
		u.Remote, u.Branch = parts[1], strings.TrimPrefix(parts[2], "refs/heads/")
		if parts[0] != "" {
			refs, err := r.refs(ctx, parts[0])
			if err != nil {
				return u, fmt.Errorf("read upstream of %s: %w", branch, err)
			}
			u.Tip = refs[parts[0]]
		}
	} else if u.Remote, err = r.onlyRemote(ctx); err != nil || u.Remote == "" {
		return u, err
	}
	u.Host = r.hostOf(ctx, u.Remote)
	return u, nil
}

// onlyRemote is the remote where there is one, or origin among several.
func (r *Repo) onlyRemote(ctx context.Context) (string, error) {
	out, err := r.read(ctx, "remote")
	if err != nil {
		return "", fmt.Errorf("list remotes: %w", err)
	}
	names := strings.Fields(string(out))
	for _, name := range names {
		if name == "origin" || len(names) == 1 {
			return name, nil
		}
	}
	return "", nil
}

// hostOf is the host in a remote's address. The address itself may hold a password.
func (r *Repo) hostOf(ctx context.Context, remote string) string {
	out, err := r.read(ctx, "remote", "get-url", "--push", "--", remote)
	if err != nil {
		return ""
	}
	first, _, _ := strings.Cut(string(out), "\n")
	return hostIn(first)
}

// hostIn reads the host of an address as git has them (git-clone(1), GIT URLS).
func hostIn(address string) string {
	if strings.Contains(address, "://") {
		if u, err := url.Parse(address); err == nil {
			return u.Hostname()
		}
		return ""
	}
	before, _, scp := strings.Cut(address, ":")
	if !scp || strings.ContainsAny(before, `/\`) || len(before) == 1 { // a path, or a Windows drive
		return ""
	}
	return before[strings.LastIndexByte(before, '@')+1:]
}

// BranchesWith lists the local branches that hold a commit, by their short names.
func (r *Repo) BranchesWith(ctx context.Context, oid string) (names []string, err error) {
	if !isObjectID(oid) {
		return nil, fmt.Errorf("%w: object id %.100q", ErrInvalidName, oid)
	}
	out, err := r.read(ctx, "for-each-ref", "--contains", oid, "--format=%(refname)", "refs/heads/")
	if err != nil {
		return nil, fmt.Errorf("find branches with %s: %w", oid, err)
	}
	for line := range strings.Lines(string(out)) {
		names = append(names, branchOf(strings.TrimSuffix(line, "\n")))
	}
	return names, nil
}

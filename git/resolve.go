package git

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Meaning is what a name was taken for.
type Meaning struct {
	Commit string   // full object id
	Ref    string   // full name; what was given where it is no ref
	Not    []string // full names of what else it can mean, which is another commit
}

// Resolve finds the commit that rev names; HEAD and @ are that of the main checkout,
// whatever else is called so. A name that means several things is taken where all are
// one commit, and for the local branch where the others are tags or remote branches,
// which Not tells. Any other one is ErrAmbiguous, and What has the full name, or the
// object id, of each. Those are never ambiguous: what begins with refs/, or has all
// digits of an id.
//
// It fails with ErrInvalidName before git runs, ErrUnknownRevision, or ErrNoCommits
// for HEAD, or its branch, before the first commit.
func (r *Repo) Resolve(ctx context.Context, rev string) (Meaning, error) {
	if err := checkRevision(rev); err != nil {
		return Meaning{}, err
	}
	name, rest := cutName(rev)
	if name == "" || name == "HEAD" || name == "@" || badRef(name) {
		oid, err := r.commitOf(ctx, rev, rev)
		return Meaning{Commit: oid, Ref: rev}, err
	}
	meanings, err := r.meanings(ctx, name)
	if err != nil {
		return Meaning{}, fmt.Errorf("resolve %q: %w", rev, err)
	}
	return r.choose(ctx, meanings, rest, rev)
}

// ResolveCommit is the commit of [Repo.Resolve].
func (r *Repo) ResolveCommit(ctx context.Context, rev string) (string, error) {
	m, err := r.Resolve(ctx, rev)
	return m.Commit, err
}

// FindBranch finds the branch that name means, a local one or a remote's: main,
// origin/x, or the full name itself. The rule is that of [Repo.Resolve]; where there
// is none it fails with ErrNoBranch.
func (r *Repo) FindBranch(ctx context.Context, name string) (Meaning, error) {
	if err := CheckBranchName(name); err != nil {
		return Meaning{}, err
	}
	meanings, err := r.meanings(ctx, name)
	if err != nil {
		return Meaning{}, fmt.Errorf("look up branch %q: %w", name, err)
	}
	meanings = slices.DeleteFunc(meanings, func(ref string) bool { return !isLocal(ref) && ref != "refs/remotes/"+name && ref != name })
	if len(meanings) == 0 || !isLocal(meanings[0]) && !strings.HasPrefix(meanings[0], "refs/remotes/") {
		return Meaning{}, refuse(ErrNoBranch, name)
	}
	return r.choose(ctx, meanings, "", name)
}

// choose is the one rule for names that mean several things; the likeliest is first.
func (r *Repo) choose(ctx context.Context, meanings []string, rest, rev string) (m Meaning, err error) {
	var names []string
	for _, meaning := range meanings {
		oid, err := r.commitOf(ctx, meaning+rest, rev)
		switch {
		case errors.Is(err, ErrUnknownRevision) && len(meanings) > 1:
		case err != nil:
			return Meaning{}, err
		case m.Commit == "":
			m.Commit, m.Ref = oid, meaning
		case oid != m.Commit:
			m.Not = append(m.Not, meaning)
		}
		if err == nil && isFull(meaning) {
			names = append(names, meaning)
		} else if err == nil {
			names = append(names, oid)
		}
	}
	switch {
	case m.Commit == "":
		return Meaning{}, r.unresolved(ctx, rev)
	case len(m.Not) > 0 && (!isLocal(m.Ref) || slices.ContainsFunc(m.Not, func(name string) bool { return isLocal(name) || !isFull(name) })):
		return Meaning{}, refuse(ErrAmbiguous, names...)
	}
	return m, nil
}

func isFull(name string) bool { return strings.HasPrefix(name, "refs/") }

func isLocal(ref string) bool { return strings.HasPrefix(ref, "refs/heads/") }

// cutName takes the name from what is done with it: main~2, v1^{commit}, main@{1}.
func cutName(rev string) (name, rest string) {
	end := len(rev)
	for _, mark := range []string{"~", "^", ":", "@{"} {
		if i := strings.Index(rev[:end], mark); i >= 0 {
			end = i
		}
	}
	return rev[:end], rev[end:]
}

// badRef reports that no ref can have the name.
func badRef(name string) bool { return badBranch("x/"+name) != "" }

// meanings lists by full name what a name can mean to git (gitrevisions(7)): refs,
// a special ref, an object. Refs are compared letter by letter on every system. Less
// than seven digits are an object only where there is no such ref.
func (r *Repo) meanings(ctx context.Context, name string) ([]string, error) {
	places := []string{"refs/heads/" + name, "refs/tags/" + name, "refs/remotes/" + name, "refs/remotes/" + name + "/HEAD", "refs/" + name}
	if isFull(name) {
		places = []string{name}
	}
	refs, err := r.refs(ctx, places...)
	if err != nil {
		return nil, err
	}
	found := slices.DeleteFunc(places, func(place string) bool { _, ok := refs[place]; return !ok })
	switch least := map[bool]int{true: 4, false: 7}[len(found) == 0]; {
	case isObjectID(name):
		return []string{name}, nil
	case len(name) >= least && isHex(name):
		objects, err := r.commitsFrom(ctx, name)
		return append(found, objects...), err
	case special(name) && r.isThere(ctx, name), len(found) == 0 && elsewhere(name):
		found = append(found, name)
	}
	return found, nil
}

// special reports whether a name is like those that git itself gives, FETCH_HEAD.
func special(name string) bool {
	return !strings.ContainsFunc(name, func(c rune) bool { return (c < 'A' || c > 'Z') && c != '_' })
}

func (r *Repo) isThere(ctx context.Context, special string) bool {
	return exists(r.common+"/"+special) || r.hasPseudoRef(ctx, r.root, special)
}

// elsewhere reports whether a name leads to another worktree's ref, or is what git
// describe says of a commit.
func elsewhere(name string) bool {
	i := strings.LastIndex(name, "-g")
	return strings.HasPrefix(name, "worktrees/") || strings.HasPrefix(name, "main-worktree/") || i > 0 && isHex(name[i+2:])
}

func isHex(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(c rune) bool { return (c < '0' || c > '9') && (c < 'a' || c > 'f') && (c < 'A' || c > 'F') })
}

// commitsFrom lists the commits whose ids begin with some digits, and tags of commits
// by theirs.
func (r *Repo) commitsFrom(ctx context.Context, digits string) ([]string, error) {
	out, err := r.read(ctx, "rev-parse", "--disambiguate="+digits)
	if err != nil {
		return nil, err
	}
	ids := map[string]bool{}
	for _, id := range strings.Fields(string(out)) {
		ids[id] = true
	}
	if len(ids) == 0 {
		return nil, nil
	}
	objects, err := r.kinds(ctx, ids)
	var commits []string
	for _, o := range objects {
		if o.kind == "commit" || o.kind == "tag" {
			commits = append(commits, o.oid)
		}
	}
	return commits, err
}

// commitOf asks git for the commit of an expression; rev is what the user wrote.
func (r *Repo) commitOf(ctx context.Context, expression, rev string) (string, error) {
	out, err := r.read(ctx, "rev-parse", "--verify", "--quiet", "--end-of-options", expression+"^{commit}")
	oid := strings.TrimSuffix(string(out), "\n")
	if err == nil && isObjectID(oid) {
		return oid, nil
	}
	switch code := exitCode(err); {
	case err == nil || code == 1:
		return "", r.unresolved(ctx, rev)
	case code == 128: // "path does not exist", "log only has 1 entries", ...
		return "", fmt.Errorf("%w: %w", r.unresolved(ctx, rev), err)
	}
	return "", fmt.Errorf("resolve %q: %w", rev, err)
}

// unresolved finds out why rev names no commit.
func (r *Repo) unresolved(ctx context.Context, rev string) error {
	ref, err := r.headRef(ctx, r.common)
	head := branchOf(ref)
	name, _ := cutName(rev)
	if err == nil && head != "" && (name == "HEAD" || name == "@" || name == head || name == ref) {
		if _, ok, err := r.Branch(ctx, head); err == nil && !ok {
			return fmt.Errorf("%w: make one on %s first", ErrNoCommits, head)
		}
	}
	return refuse(ErrUnknownRevision, strconv.Quote(rev))
}

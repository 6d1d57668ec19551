package git

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
)

// relativeLinks reports how the links between a worktree that is restored and its
// administrative directory are written: as they were where that is known, else as
// this git would write them. git before 2.48 knows no relative ones.
func (r *Repo) relativeLinks(ctx context.Context, source halves) (bool, error) {
	if was, err := readSmall(filepath.Join(source.git, "gitdir")); err == nil && was != "" {
		return !filepath.IsAbs(nativePath(was)), nil
	}
	out, err := r.read(ctx, "config", "-z", "--type=bool", "--get-regexp", `^(worktree\.userelativepaths|extensions\.relativeworktrees)$`)
	if err != nil && exitCode(err) != 1 {
		return false, err
	}
	return linksRelative(out), nil
}

// linksRelative reads git config -z --type=bool --get-regexp: the user wants relative
// links, and the repository says that it has some, so that a git which cannot read
// them stays away.
func linksRelative(out []byte) bool {
	set := map[string]bool{}
	for one := range bytes.SplitSeq(out, []byte{0}) {
		key, value, _ := strings.Cut(string(one), "\n")
		set[strings.ToLower(key)] = value == "true"
	}
	return set["worktree.userelativepaths"] && set["extensions.relativeworktrees"]
}

// link is a path as git writes it into a file of dir.
func link(dir, path string, relative bool) string {
	if relative {
		if from, err := filepath.Rel(dir, path); err == nil {
			return gitPath(from)
		}
	}
	return gitPath(path)
}

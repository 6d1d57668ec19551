package jail

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"wt-mcp/state/osfs"
)

// gitName reports whether some file system takes name for .git: without regard to
// case, with the code points that HFS+ ignores, with the endings and streams that
// Windows does, or by its short name there.
func gitName(name string) bool {
	for _, part := range strings.Split(name, `\`) {
		part, _, _ = strings.Cut(part, ":")
		part = strings.TrimRight(strings.Map(heard, part), ". ")
		if strings.EqualFold(part, ".git") || strings.EqualFold(part, "git~1") {
			return true
		}
	}
	return false
}

// heard drops what HFS+ does not see in a name.
func heard(r rune) rune {
	switch {
	case r >= 0x200c && r <= 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x206a && r <= 0x206f, r == 0xfeff:
		return -1
	}
	return r
}

// isRepository reports whether git would take a directory for a repository's own,
// or for that of a linked worktree.
func isRepository(dir *osfs.Dir) bool {
	has := func(name string) bool {
		_, err := dir.Lstat(name)
		return err == nil
	}
	return has("HEAD") && (has("objects") && has("refs") || has("commondir") && has("gitdir"))
}

// isGits reports whether a file that has several names has one in the repository's
// git directory, where git keeps what it and its users go by; objects, and what was
// put into the trash, which other copies may share, are not looked at.
func (j *Jail) isGits(file fs.FileInfo) (found bool) {
	if osfs.Links(file) < 2 {
		return false
	}
	apart := []string{filepath.Join(j.common, "objects"), filepath.Join(j.common, "lfs"), filepath.Join(j.common, "wt-mcp", "trash")}
	_ = filepath.WalkDir(j.common, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return nil
		case d.IsDir() && slices.Contains(apart, path):
			return fs.SkipDir
		}
		if info, err := d.Info(); err == nil && os.SameFile(info, file) {
			found = true
			return fs.SkipAll
		}
		return nil
	})
	return found
}

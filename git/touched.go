package git

import (
	"os"
	"path/filepath"
	"time"
)

// Touched tells from the times of a few files when somebody last did something
// with git in the worktree at path or changed its top directory, and when it was
// added. Both are zero for what is no worktree. It runs no program.
func (r *Repo) Touched(path string) (last, added time.Time) {
	admin, err := r.adminDir(path)
	if err != nil {
		return last, added
	}
	for _, name := range []string{filepath.Join(admin, "index"), filepath.Join(admin, "HEAD"), filepath.Join(admin, "logs", "HEAD"), path} {
		if info, err := os.Stat(name); err == nil && info.ModTime().After(last) {
			last = info.ModTime()
		}
	}
	if info, err := os.Stat(filepath.Join(admin, "commondir")); err == nil { // written once
		added = info.ModTime()
	}
	return last, added
}

package ops

import (
	"errors"
	"io/fs"
	"path/filepath"
	"syscall"

	"wt-mcp/git"
	"wt-mcp/state"
	"wt-mcp/state/osfs"
)

// Remedy says what to do where it is the system that has no more of something, or
// does not let us: a code, and a hint that names the directory or what to set.
func Remedy(err error) (code state.Code, hint string, ok bool) {
	switch {
	case errors.Is(err, git.ErrNoScratch):
		return state.GitFailed, "set TMPDIR where the server is started, or make room, then repeat the call", true
	case errors.Is(err, git.ErrNoGit):
		return state.GitFailed, "install git, or put its directory on the PATH that the server is started with, then repeat the call", true
	case errors.Is(err, git.ErrPromised):
		return state.GitFailed, "a partial clone fetches nothing unasked: git fetch --refetch --no-filter gets all objects; or the user lets it fetch with wt-mcp trust; then repeat the call", true
	case errors.Is(err, git.ErrSpecial):
		return state.GitFailed, "put a regular file of the usual size there, or remove it, then repeat the call", true
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		return state.Internal, "raise the limit of open files (ulimit -n) where the server is started", true
	case osfs.NoSpace(err):
		return state.Internal, "make room on the disk of " + placeOf(err) + ", then repeat the call", true
	case osfs.ReadOnlyFS(err), errors.Is(err, fs.ErrPermission):
		return state.ReadOnly, "check the permissions of " + placeOf(err), true
	}
	return "", "", false
}

// SystemHint is what to do about an error of the system, or otherwise where it is none.
func SystemHint(err error, otherwise string) string {
	if _, hint, ok := Remedy(err); ok {
		return hint
	}
	return otherwise
}

// placeOf is the directory of the file that an error is about.
func placeOf(err error) string {
	var path *fs.PathError
	if errors.As(err, &path) {
		return filepath.Dir(path.Path)
	}
	return "the repository"
}

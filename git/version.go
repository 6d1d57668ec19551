package git

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// The first git with worktree list -z.
const (
	minMajor = 2
	minMinor = 36
)

// Version is what git says of itself, e.g. "2.39.5". The error is ErrTooOld
// below 2.36 and names both versions.
func (r *Repo) Version(ctx context.Context) (string, error) { return r.git.version(ctx) }

func (p *program) version(ctx context.Context) (string, error) {
	out, err := p.run(ctx, call{args: []string{"version"}})
	if err != nil {
		return "", fmt.Errorf("ask git for its version: %w", err)
	}
	version, major, minor := parseVersion(string(out))
	if major < minMajor || major == minMajor && minor < minMinor {
		return version, fmt.Errorf("%w: it is %s, wt-mcp needs %d.%d", ErrTooOld, version, minMajor, minMinor)
	}
	return version, nil
}

// parseVersion reads "git version 2.39.5 (Apple Git-154)". An unreadable one is
// given as it is, with numbers that are below every minimum.
func parseVersion(s string) (version string, major, minor int) {
	version = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(s), "git version "))
	version, _, _ = strings.Cut(version, " ")
	parts := strings.SplitN(version, ".", 3)
	if len(parts) < 2 {
		return version, 0, 0
	}
	major, err1 := strconv.Atoi(parts[0])
	minor, err2 := strconv.Atoi(parts[1])
	if err1 != nil || err2 != nil {
		return version, 0, 0
	}
	return version, major, minor
}

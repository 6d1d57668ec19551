package tools

import (
	"fmt"
	"strings"
)

// publish says how to publish what has landed. Nothing is pushed, and no remote asked.
func (m *merging) publish() {
	up := m.target.Upstream
	if up.Remote == "" {
		return
	}
	branch := m.target.Branch()
	switch {
	case up.Branch == "":
		m.out.Push = fmt.Sprintf("git push -u %s %s", quoted(up.Remote), quoted(branch))
	case up.Branch == branch:
		m.out.Push = fmt.Sprintf("git push %s %s", quoted(up.Remote), quoted(branch))
	default:
		m.out.Push = fmt.Sprintf("git push %s %s", quoted(up.Remote), quoted(branch+":"+up.Branch))
	}
	lane, base := m.status.Branch, up.Branch
	if base == "" {
		base = branch
	}
	if lane == "" {
		return
	}
	ask := ""
	switch {
	case isHost(up.Host, "github"):
		ask = fmt.Sprintf(" && gh pr create --fill --base %s --head %s", quoted(base), quoted(lane))
	case isHost(up.Host, "gitlab"):
		ask = fmt.Sprintf(" && glab mr create --fill --target-branch %s --source-branch %s", quoted(base), quoted(lane))
	default:
		return
	}
	m.out.PullRequest = fmt.Sprintf("git push -u %s %s", quoted(up.Remote), quoted(lane)) + ask
}

// isHost reports whether a host is one of a forge: github.com, gitlab.example.org.
func isHost(host, forge string) bool {
	for part := range strings.SplitSeq(strings.ToLower(host), ".") {
		if part == forge {
			return true
		}
	}
	return false
}

// quoted is a word of a shell's command line.
func quoted(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._-:@%+=,", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

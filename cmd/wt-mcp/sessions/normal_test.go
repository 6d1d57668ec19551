package sessions_test

import (
	"regexp"
	"strings"
)

// normal is text without what differs from run to run: the repository's place, times,
// durations, and names that are drawn.
func normal(repo, text string) string {
	text = strings.ReplaceAll(text, repo, "<repo>")
	for _, r := range []struct{ what, form, name string }{
		{"snapshot or landing", `\b[0-9a-f]{11}-[0-9a-f]{12}\b`, "<id>"},
		{"claim", `\b(\d+-\d+)-[a-z2-7]{16}\b`, "$1-<secret>"},
		{"run", `\br-[0-9a-z]{9}-[0-9a-z]{5}\b`, "<run>"},
		{"commit", `\b(?:[0-9a-f]{40}|[0-9a-f]{10})\b`, "<commit>"},
		{"time with its date", `\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\dZ?`, "<time>"},
		{"time", `\b\d\d:\d\d:\d\dZ`, "<time>"},
		{"duration", `("duration_seconds": ?)[0-9.e-]+`, "$1<n>"},
		{"duration in words", `(exit code \d+), \d+\.\d+ s`, "$1, <n> s"},
		{"rest of a lease", `("lease_seconds_left": ?)\d+`, "$1<n>"},
		{"rest in words", `\(in \d+ (?:s|min|h)\)`, "(in <n>)"},
		{"session", `\b(claude-code|codex-mcp-client)/[0-9a-f]{8}\b`, "$1/<session>"},
		{"port", `("port_base": ?|ports from )\d+`, "$1<port>"},
		{"Codex's clock", `Wall time: \d+\.\d+ seconds`, "Wall time: <n> seconds"},
	} {
		text = regexp.MustCompile(r.form).ReplaceAllString(text, r.name)
	}
	return text
}

package git

import (
	"fmt"
	"slices"
	"strings"
)

// defaultMessage is that of a landing for which nobody gives words.
func defaultMessage(lands []Commit) string {
	if len(lands) == 1 {
		return lands[0].Message
	}
	return SquashMessage(lands[len(lands)-1].Subject(), "", lands, nil)
}

// SquashMessage is the message of a commit that stands for several: a subject, the
// first paragraph of a description, the subjects of the commits where there are more
// than one, and trailers: those given, after Co-authored-by for every author but that
// of the first commit, who is the author of the whole. Trailers of the commits are not
// passed on.
func SquashMessage(subject, description string, commits []Commit, trailers []string) string {
	parts := []string{oneLine(subject)}
	if first := firstParagraph(description); first != "" && first != parts[0] {
		parts = append(parts, first)
	}
	if len(commits) > 1 {
		var list []string
		for _, c := range commits {
			list = append(list, "* "+oneLine(c.Subject()))
		}
		parts = append(parts, strings.Join(list, "\n"))
	}
	return assemble(parts, slices.Concat(coAuthors(commits), trailers))
}

// MergeMessage is the message of a merge: a subject, the first paragraph of a
// description, and trailers.
func MergeMessage(subject, description string, trailers []string) string {
	parts := []string{oneLine(subject)}
	if first := firstParagraph(description); first != "" && first != parts[0] {
		parts = append(parts, first)
	}
	return assemble(parts, trailers)
}

func assemble(parts, trailers []string) string {
	var lines []string
	for _, t := range trailers {
		if t = oneLine(t); t != "" && !slices.Contains(lines, t) {
			lines = append(lines, t)
		}
	}
	if len(lines) > 0 {
		parts = append(parts, strings.Join(lines, "\n"))
	}
	return strings.Join(parts, "\n\n") + "\n"
}

// coAuthors are the authors of the commits but for the first one's, told by their address.
func coAuthors(commits []Commit) (lines []string) {
	var seen []string
	for i, c := range commits {
		email := strings.ToLower(c.Author.Email)
		if i > 0 && !slices.Contains(seen, email) && c.Author.complete() {
			lines = append(lines, fmt.Sprintf("Co-authored-by: %s <%s>", tidy(c.Author.Name), tidy(c.Author.Email)))
		}
		seen = append(seen, email)
	}
	return lines
}

// oneLine makes one line of a text.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// firstParagraph is the text up to the first empty line.
func firstParagraph(text string) string {
	text = strings.TrimSpace(strings.ReplaceAll(text, "\r\n", "\n"))
	for i, line := range strings.Split(text, "\n") {
		if strings.TrimSpace(line) == "" {
			return strings.TrimSpace(strings.Join(strings.Split(text, "\n")[:i], "\n"))
		}
	}
	return text
}

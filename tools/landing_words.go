package tools

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"wt-mcp/git"
	"wt-mcp/state"
)

// words are what the message of a landing is made from.
type words struct {
	Lane     string         `json:"lane"`
	Target   string         `json:"target"`
	Strategy string         `json:"strategy"`
	Message  string         `json:"message,omitempty"` // what the caller said, which goes before all else
	Task     *state.Task    `json:"task,omitempty"`
	Trailers []string       `json:"trailers,omitempty"` // templates
	Undo     *state.Landing `json:"undo,omitempty"`     // is taken back

	picks []git.Commit
}

// words are those of the landing that is asked for.
func (m *merging) words() words {
	w := words{Lane: m.at.Name, Target: m.target.Branch(), Strategy: m.in.strategy, Message: m.in.message, Task: m.task, Trailers: m.settings().Trailers}
	if m.out.Committed != "" && m.in.strategy != state.StrategySquash {
		w.Message = "" // the commit has it
	}
	return w
}

// say makes the message of a commit that holds some commits of the lane.
func (w words) say(picks []git.Commit) string {
	w.picks = picks
	switch {
	case w.Undo != nil:
		return undoWords(*w.Undo)
	case w.Strategy == state.StrategySquash:
		return w.squash()
	}
	return w.merge()
}

// mostSubjects is how many commits a message lists.
const mostSubjects = 50

// squash is the message of the one commit that holds the work of a lane: what the caller
// said; else subject and first paragraph of the task; else what the lane's only commit
// says. The subjects of the commits follow, and the trailers.
func (w words) squash() string {
	var head string
	switch {
	case strings.TrimSpace(w.Message) != "":
		head = strings.TrimSpace(w.Message)
	case w.Task != nil:
		head = paragraphs(oneLine(w.Task.Subject), firstParagraph(w.Task.Description))
	case len(w.picks) == 1:
		head = oneLine(w.picks[0].Subject())
	default:
		head = "Land " + w.Lane
	}
	return paragraphs(head, w.subjects(head), w.trailer(w.coAuthors())) + "\n"
}

// merge is the message of a merge commit.
func (w words) merge() string {
	head := strings.TrimSpace(w.Message)
	if head == "" {
		head = fmt.Sprintf("Merge %s into %s", w.Lane, w.Target)
		if w.Task != nil {
			head = fmt.Sprintf("Merge %s: %s", w.Lane, oneLine(w.Task.Subject))
		}
	}
	return paragraphs(head, w.trailer(nil)) + "\n"
}

// subjects lists what the commits say, the oldest first, but for what the message begins
// with already.
func (w words) subjects(head string) string {
	first, _, _ := strings.Cut(head, "\n")
	var lines []string
	for _, p := range w.picks {
		if subject := oneLine(p.Subject()); subject != first {
			lines = append(lines, "- "+subject)
		}
	}
	if more := len(lines) - mostSubjects; more > 0 {
		lines = append(lines[:mostSubjects], fmt.Sprintf("- … and %d more", more))
	}
	return strings.Join(lines, "\n")
}

// coAuthors are the authors of the commits, but for that of the first, whose the squash
// is: nobody else is named.
func (w words) coAuthors() (lines []string) {
	if len(w.picks) == 0 {
		return nil
	}
	seen := map[string]bool{strings.ToLower(w.picks[0].Author.Email): true}
	for _, p := range w.picks {
		if email := strings.ToLower(p.Author.Email); !seen[email] {
			seen[email] = true
			lines = append(lines, fmt.Sprintf("Co-authored-by: %s <%s>", bare(p.Author.Name), bare(p.Author.Email)))
		}
	}
	return lines
}

// bare is a name or an address as it may stand in a trailer.
func bare(s string) string { return strings.Trim(strings.Map(inIdent, oneLine(s)), " .,:;'\"") }

func inIdent(r rune) rune {
	if r == '<' || r == '>' {
		return -1
	}
	return r
}

// trailer is the last paragraph: the configured lines, then the given ones. A line that
// asks for the task of a lane without one is left out.
func (w words) trailer(more []string) string {
	var lines []string
	for _, line := range w.Trailers {
		if strings.Contains(line, "{task}") {
			if w.Task == nil {
				continue
			}
			line = strings.ReplaceAll(line, "{task}", strconv.Itoa(w.Task.ID))
		}
		lines = append(lines, strings.ReplaceAll(line, "{lane}", w.Lane))
	}
	return strings.Join(append(lines, more...), "\n")
}

// credit is a line that names somebody: only what is configured, and authors, do that.
var credit = regexp.MustCompile(`(?i)^[a-z-]+-by:`)

// firstParagraph is that of a description, without lines that would credit somebody.
func firstParagraph(text string) string {
	text, _, _ = strings.Cut(strings.TrimSpace(strings.ReplaceAll(text, "\r\n", "\n")), "\n\n")
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.TrimRight(oneLine(line), " "); line != "" && !credit.MatchString(strings.TrimSpace(line)) {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

// oneLine is text as it may stand on a line of a message.
func oneLine(s string) string {
	return strings.TrimRight(strings.Map(func(r rune) rune {
		if state.Disguising(r) {
			return ' '
		}
		return r
	}, strings.TrimSpace(s)), " ")
}

// paragraphs joins what is not empty, with a blank line between.
func paragraphs(parts ...string) string {
	var kept []string
	for _, p := range parts {
		if p != "" {
			kept = append(kept, p)
		}
	}
	return strings.Join(kept, "\n\n")
}

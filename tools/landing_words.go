package tools

import (
	"fmt"
	"regexp"
	"slices"
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
	head, own := cutTrailers(w.Message)
	switch {
	case head != "":
	case w.Task != nil:
		head = w.taskWords()
	case len(w.picks) == 1:
		head = oneLine(w.picks[0].Subject())
	default:
		head = "Land " + w.Lane
	}
	return paragraphs(head, w.subjects(head), w.trailer(own, w.coAuthors())) + "\n"
}

// taskWords are the subject of the task and what its description begins with, if that
// says more.
func (w words) taskWords() string {
	subject, more := oneLine(w.Task.Subject), firstParagraph(w.Task.Description)
	if more == subject {
		more = ""
	}
	return paragraphs(subject, more)
}

// merge is the message of a merge commit.
func (w words) merge() string {
	head, own := cutTrailers(w.Message)
	if head == "" {
		head = fmt.Sprintf("Merge %s into %s", w.Lane, w.Target)
		if w.Task != nil {
			head = fmt.Sprintf("Merge %s: %s", w.Lane, oneLine(w.Task.Subject))
		}
	}
	return paragraphs(head, w.trailer(own, nil)) + "\n"
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
// is: nobody else is named, and nobody who has no name or no address.
func (w words) coAuthors() (lines []string) {
	seen := map[string]bool{}
	for i, p := range w.picks {
		name, email := bare(p.Author.Name), bare(p.Author.Email)
		known := seen[strings.ToLower(email)]
		seen[strings.ToLower(email)] = true
		if i > 0 && !known && name != "" && email != "" {
			lines = append(lines, fmt.Sprintf("Co-authored-by: %s <%s>", name, email))
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

// trailer is the last paragraph: the caller's own lines, the configured ones, then those
// for authors, each once. A line that asks for the task of a lane without one is left out.
func (w words) trailer(own, authors []string) string {
	lines := slices.Clone(own)
	for _, line := range w.Trailers {
		if strings.Contains(line, "{task}") {
			if w.Task == nil {
				continue
			}
			line = strings.ReplaceAll(line, "{task}", strconv.Itoa(w.Task.ID))
		}
		lines = append(lines, strings.ReplaceAll(line, "{lane}", w.Lane))
	}
	var once []string
	for _, line := range append(lines, authors...) {
		if !slices.Contains(once, line) {
			once = append(once, line)
		}
	}
	return strings.Join(once, "\n")
}

// trailerLine is one as git reads them (git-interpret-trailers(1)).
var trailerLine = regexp.MustCompile(`^[A-Za-z0-9-]+: \S`)

// cutTrailers parts what the caller said from the trailers at its end: git reads the last paragraph
// alone, so what is added must not stand between.
func cutTrailers(message string) (string, []string) {
	message = strings.TrimSpace(strings.ReplaceAll(message, "\r\n", "\n"))
	end := strings.LastIndex(message, "\n\n")
	if end < 0 {
		return message, nil
	}
	lines := strings.Split(message[end+2:], "\n")
	if slices.ContainsFunc(lines, func(l string) bool { return !trailerLine.MatchString(l) }) {
		return message, nil
	}
	return strings.TrimRight(message[:end], "\n"), lines
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

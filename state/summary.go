package state

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// TaskSummary is a task without its long texts. Summaries are shared: nobody changes one.
type TaskSummary struct {
	ID             int      `json:"id"`
	Subject        string   `json:"subject"`
	Status         Status   `json:"status"`
	Owner          string   `json:"owner"`
	Worktree       string   `json:"worktree"`
	BlockedBy      []int    `json:"blockedBy"`
	Priority       int      `json:"priority"`
	Labels         []string `json:"labels,omitempty"`
	CreatedAt      float64  `json:"created_at"`
	UpdatedAt      float64  `json:"updated_at"`
	LeaseExpiresAt float64  `json:"lease_expires_at,omitempty"`
	Lost           int      `json:"lost,omitempty" jsonschema:"attempts that ended because the holder was gone"`
	OpenAttempt    bool     `json:"-"`

	lastClaim int64 // the highest number of a claim that it had

	text  string // subject, description and notes in lower case, up to searchable bytes
	pairs pairs  // of text
	more  bool   // there is more text than that
}

// searchable is how much text of a task is kept in memory to be searched.
const searchable = 2 << 10

// Rank is the priority by which tasks are ordered: what a file says, within the bounds.
func (t *TaskSummary) Rank() int { return min(max(t.Priority, 0), LowestPriority) }

func summarize(t Task) *TaskSummary {
	s := &TaskSummary{ID: t.ID, Subject: t.Subject, Status: t.Status, Owner: t.Owner, Worktree: t.Worktree, BlockedBy: t.BlockedBy,
		Priority: t.Priority, Labels: t.Labels, CreatedAt: t.CreatedAt, UpdatedAt: t.UpdatedAt, LeaseExpiresAt: t.LeaseExpiresAt, Lost: t.LostHolders()}
	for _, known := range Statuses() {
		if s.Status == known {
			s.Status = known // one string for all tasks
		}
	}
	s.OpenAttempt = t.OpenAttempt()
	for _, a := range t.Attempts {
		s.lastClaim = max(s.lastClaim, a.Claim)
	}
	s.text, s.more = t.searchText(searchable)
	s.pairs.add(s.text)
	return s
}

// searchText is what a query is held against, at most limit bytes of it.
func (t Task) searchText(limit int) (text string, more bool) {
	parts := []string{t.Subject, t.Description}
	for _, n := range t.Notes {
		parts = append(parts, n.Text)
	}
	var b strings.Builder
	for i, part := range parts {
		if i > 0 {
			b.WriteByte('\n')
		}
		room := limit - b.Len()
		if len(part) <= room {
			b.WriteString(part)
			continue
		}
		for room > 0 && !utf8.RuneStart(part[room]) {
			room--
		}
		b.WriteString(part[:max(room, 0)])
		return strings.ToLower(b.String()), true
	}
	return strings.ToLower(b.String()), false
}

// pairs is a set of pairs of neighbouring bytes, some of which share a place. A
// text that lacks a pair of a word lacks the word, and that is quicker to see than
// to search the text.
type pairs [8]uint64

func (p *pairs) add(text string) {
	for i := 1; i < len(text); i++ {
		at := (uint32(text[i-1])<<8 | uint32(text[i])) * 0x9e3779b1 >> 23
		p[at/64] |= 1 << (at % 64)
	}
}

// contain reports whether all of the other pairs may be among these.
func (p *pairs) contain(other *pairs) bool {
	for i := range p {
		if other[i]&^p[i] != 0 {
			return false
		}
	}
	return true
}

// Words is a query taken apart.
type Words struct {
	words []string
	pairs pairs
}

// ParseWords takes a query apart for [View.Mentions]. Case does not matter.
func ParseWords(query string) Words {
	w := Words{words: strings.Fields(strings.ToLower(query))}
	for _, word := range w.words {
		w.pairs.add(word)
	}
	return w
}

func (w *Words) allIn(text string) bool {
	for _, word := range w.words {
		if !strings.Contains(text, word) {
			return false
		}
	}
	return true
}

// Mentions reports whether each word occurs somewhere in the subject, the
// description or the notes of a task of this view.
func (v *View) Mentions(t *TaskSummary, w *Words) bool {
	if t.pairs.contain(&w.pairs) && w.allIn(t.text) {
		return true
	}
	if !t.more {
		return false
	}
	whole, err := v.Task(t.ID)
	if err != nil {
		return false
	}
	text, _ := whole.searchText(MaxTask)
	return w.allIn(text)
}

// Tasks are the tasks of the board at one instant. It is shared by its readers
// and never changes.
type Tasks struct {
	All      []*TaskSummary // by number, deleted ones included
	Problems []Problem      // files that cannot be read, by number

	broken []int // the numbers of Problems
}

// Count counts the tasks of each status.
func (t *Tasks) Count() map[Status]int {
	counts := map[Status]int{}
	for _, s := range Statuses() {
		counts[s] = 0
	}
	for _, one := range t.All {
		counts[one.Status]++
	}
	return counts
}

// Find returns the task of that number.
func (t *Tasks) Find(id int) (*TaskSummary, bool) {
	if i := t.position(id); i < len(t.All) && t.All[i].ID == id {
		return t.All[i], true
	}
	return nil, false
}

// position is where the task of that number is, or would be. Numbers have few
// gaps, so it mostly is where the number says.
func (t *Tasks) position(id int) int {
	if guess := id - 1; guess >= 0 && guess < len(t.All) && t.All[guess].ID == id {
		return guess
	}
	i, _ := slices.BinarySearchFunc(t.All[:min(max(id, 0), len(t.All))], id, func(s *TaskSummary, id int) int { return s.ID - id })
	return i
}

// unreadable reports whether there is a file of that number which cannot be read.
func (t *Tasks) unreadable(id int) bool {
	_, found := slices.BinarySearch(t.broken, id)
	return found
}

// TaskFile is what the file of one number holds: a task, a problem, or neither where
// there is no file.
type TaskFile struct {
	ID      int
	Task    *TaskSummary
	Problem *Problem
}

// ReadTaskFile reads what is in the file of a number, which people call name.
func ReadTaskFile(id int, name string, data []byte) TaskFile {
	t, err := parsePlain(id, data)
	if err != nil {
		return TaskFile{ID: id, Problem: &Problem{File: name, Error: err.Error()}}
	}
	return TaskFile{ID: id, Task: summarize(t)}
}

// Over returns the tasks with those values over them that are a task's; where says
// what people call the place of one.
func (t *Tasks) Over(values map[string]*string, where func(key string) string) *Tasks {
	var over []TaskFile
	for key, value := range values {
		id, ok := TaskID(strings.TrimPrefix(key, TasksDir+"/"))
		switch {
		case !ok:
		case value == nil:
			over = append(over, TaskFile{ID: id})
		default:
			over = append(over, ReadTaskFile(id, where(key), []byte(*value)))
		}
	}
	slices.SortFunc(over, func(a, b TaskFile) int { return a.ID - b.ID })
	return t.With(over)
}

// With returns the tasks with the given files, which are by number, in place of what
// was known of those numbers.
func (t *Tasks) With(changed []TaskFile) *Tasks {
	if len(changed) == 0 {
		return t
	}
	next := &Tasks{All: make([]*TaskSummary, 0, len(t.All)+len(changed))}
	from := 0
	for _, r := range changed {
		to := max(from, t.position(r.ID))
		next.All = append(next.All, t.All[from:to]...)
		if r.Task != nil {
			next.All = append(next.All, r.Task)
		}
		if from = to; from < len(t.All) && t.All[from].ID == r.ID {
			from++
		}
	}
	next.All = append(next.All, t.All[from:]...)
	next.mergeProblems(t, changed)
	return next
}

func (t *Tasks) mergeProblems(old *Tasks, changed []TaskFile) {
	add := func(id int, p Problem) { t.broken, t.Problems = append(t.broken, id), append(t.Problems, p) }
	from := 0
	for _, r := range changed {
		for ; from < len(old.broken) && old.broken[from] < r.ID; from++ {
			add(old.broken[from], old.Problems[from])
		}
		if from < len(old.broken) && old.broken[from] == r.ID {
			from++
		}
		if r.Problem != nil {
			add(r.ID, *r.Problem)
		}
	}
	for ; from < len(old.broken); from++ {
		add(old.broken[from], old.Problems[from])
	}
}

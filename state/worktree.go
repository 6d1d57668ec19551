package state

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

// WorktreeStatus is where a worktree stands: absent → active → kept | removed.
type WorktreeStatus string

// The statuses on the registry; a name that is not there, or is removed, is free.
const (
	Active  WorktreeStatus = "active"
	Kept    WorktreeStatus = "kept"
	Removed WorktreeStatus = "removed"
)

// Worktree is one entry of .worktrees/index.json. Keys that this version does
// not know are kept.
type Worktree struct {
	Name       string         `json:"name"`
	Path       string         `json:"path" jsonschema:"absolute path of the directory to work in"`
	Branch     string         `json:"branch"`
	TaskID     *int           `json:"task_id"`
	Status     WorktreeStatus `json:"status"`
	CreatedAt  float64        `json:"created_at"`
	KeptAt     float64        `json:"kept_at,omitempty"`
	RemovedAt  float64        `json:"removed_at,omitempty"`
	BaseRef    string         `json:"base_ref,omitempty"`
	BaseCommit string         `json:"base_commit,omitempty"`
	Target     string         `json:"target,omitempty" jsonschema:"the branch that its work is to land in"`
	Adopted    bool           `json:"adopted,omitempty" jsonschema:"others made it: its branch is never deleted"`
	Landed     *Landed        `json:"landed,omitempty" jsonschema:"its last landing"`
	Closeout   *Closeout      `json:"closeout,omitempty"`

	raw json.RawMessage
}

func worktreeKeys() []string {
	return []string{"name", "path", "branch", "task_id", "status", "created_at", "kept_at", "removed_at",
		"base_ref", "base_commit", "target", "adopted", "landed", "closeout"}
}

// Live reports whether the entry stands for a directory that exists.
func (w Worktree) Live() bool { return w.Status == Active || w.Status == Kept }

// MarshalJSON writes the known keys in the file's order, then the unknown ones.
func (w Worktree) MarshalJSON() ([]byte, error) {
	type plain Worktree
	return marshalKeeping(plain(w), worktreeKeys(), w.raw)
}

// UnmarshalJSON keeps the keys it does not know.
func (w *Worktree) UnmarshalJSON(data []byte) error {
	type plain Worktree
	var p plain
	if err := json.Unmarshal(data, &p); err != nil {
		return err
	}
	p.raw = append(json.RawMessage(nil), data...)
	*w = Worktree(p)
	return nil
}

// index is the registry file.
type index struct {
	Worktrees []Worktree `json:"worktrees"`

	raw json.RawMessage
}

func (x index) MarshalJSON() ([]byte, error) {
	type plain index
	if x.Worktrees == nil {
		x.Worktrees = []Worktree{}
	}
	return marshalKeeping(plain(x), []string{"worktrees"}, x.raw)
}

func parseIndex(data []byte) (index, error) {
	type plain index
	var p plain
	data, err := shaped(data)
	if err != nil {
		return index{}, err
	}
	if err := json.Unmarshal(data, &p); err != nil {
		return index{}, err
	}
	p.raw = append(json.RawMessage(nil), data...)
	return index(p), nil
}

// find returns the position of the live entry of that name, else of the newest
// removed one, else -1. Names that differ in case alone are the same name.
func (x index) find(name string) int {
	found := -1
	for i, w := range x.Worktrees {
		if !strings.EqualFold(w.Name, name) {
			continue
		}
		if w.Live() {
			return i
		}
		found = i
	}
	return found
}

// put replaces the entry of w's name, or appends it. A removed entry gives way
// to the new one of its name, so that every reader, the original program
// included, finds at most one entry a name.
func (x *index) put(w Worktree) {
	if i := x.find(w.Name); i >= 0 {
		x.Worktrees[i] = w
		return
	}
	x.Worktrees = append(x.Worktrees, w)
}

// CheckName reports whether name is safe as a directory, as a branch and on
// every system; the error says which rule it breaks.
func CheckName(name string) error {
	rule := nameRule(name)
	if rule == "" {
		return nil
	}
	return Errorf(InvalidArgument, "use 1-40 of A-Z a-z 0-9 . _ - such as auth-refactor",
		"name %q is not a worktree name: %s", Clip(name, 60), rule).With("argument", "name")
}

var (
	nameChars   = regexp.MustCompile(`^[A-Za-z0-9._-]+$`)
	oldLog      = regexp.MustCompile(`^events-[0-9]+\.jsonl$`)
	deviceNames = regexp.MustCompile(`^(con|prn|aux|nul|com[0-9]|lpt[0-9])$`)
)

func nameRule(name string) string {
	lower := strings.ToLower(name)
	stem, _, _ := strings.Cut(lower, ".")
	switch {
	case name == "":
		return "it is empty"
	case len(name) > 40:
		return fmt.Sprintf("it has %d bytes, the limit is 40", len(name))
	case !nameChars.MatchString(name):
		return "only letters, digits, dot, underscore and hyphen are allowed"
	case name[0] == '-' || name[0] == '.':
		return "it must not start with a hyphen or a dot"
	case strings.HasSuffix(name, ".") || strings.Contains(name, ".."):
		return "a dot must not end it or follow a dot"
	case strings.HasSuffix(lower, ".lock"):
		return "git keeps names that end in .lock for itself"
	case lower == "head" || lower == "index.json" || lower == "events.jsonl" || IsOldLog(lower):
		return "the name is taken by git or by the board"
	case deviceNames.MatchString(stem):
		return "it is the name of a Windows device"
	}
	return ""
}

// IsOldLog reports whether a file beside the event log, by its name, is one that it
// goes on from.
func IsOldLog(name string) bool { return oldLog.MatchString(name) }

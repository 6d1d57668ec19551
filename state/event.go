package state

import (
	"bytes"
	"encoding/json"
	"math"
	"time"
)

// Fields are the facts of an event about one task or worktree.
type Fields map[string]any

// Event is one line of .worktrees/events.jsonl. Seq is 0 on lines that the
// original program wrote. Keys that this version does not know are kept.
type Event struct {
	Event    EventName `json:"event"`
	TS       float64   `json:"ts" jsonschema:"epoch seconds"`
	Task     Fields    `json:"task"`
	Worktree Fields    `json:"worktree"`
	Error    string    `json:"error,omitempty"`
	Seq      int64     `json:"seq,omitempty"`
	Actor    string    `json:"actor,omitempty"`
	Detail   Fields    `json:"detail,omitempty"`

	raw json.RawMessage
}

func eventKeys() []string {
	return []string{"event", "ts", "task", "worktree", "error", "seq", "actor", "detail"}
}

// MarshalJSON writes the known keys in the log's order, then the unknown ones.
func (e Event) MarshalJSON() ([]byte, error) {
	type plain Event
	if e.Task == nil {
		e.Task = Fields{}
	}
	if e.Worktree == nil {
		e.Worktree = Fields{}
	}
	return marshalKeeping(plain(e), eventKeys(), e.raw)
}

// Raw is the line that the event was read from.
func (e Event) Raw() []byte { return e.raw }

// ParseEvent reads one line of the log; ok is false where it is no event.
func ParseEvent(line []byte) (e Event, ok bool) {
	type plain Event
	var p plain
	line, err := shaped(line)
	if err != nil {
		return Event{}, false
	}
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.UseNumber()
	if err := dec.Decode(&p); err != nil || dec.InputOffset() != int64(len(bytes.TrimRight(line, " \t\r"))) {
		return Event{}, false
	}
	p.raw = append(json.RawMessage(nil), line...)
	return Event(p), p.Event != ""
}

// Unreadable is what a log has for a line that is no event.
func Unreadable(line []byte) Event {
	raw, err := Encode(map[string]string{"raw": Clip(string(line), 500)})
	if err != nil {
		raw = nil
	}
	return Event{Event: parseError, raw: raw}
}

// Time is a time as the files have it.
func Time(seconds float64) time.Time { return time.UnixMicro(int64(seconds * 1e6)).UTC() }

// Clock says a time of the day to people, UTC.
func Clock(seconds float64) string { return Time(seconds).Format("15:04:05Z") }

// Seconds is a time in the form that the files have: epoch seconds, to the microsecond.
func Seconds(t time.Time) float64 { return math.Round(float64(t.UnixNano())/1e3) / 1e6 }

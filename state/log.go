package state

// EventQuery chooses events: at most Limit of those that Match (all, if nil).
// With After nil they are the newest, else the oldest with a higher sequence number.
//
// Words are ASCII and spare the reader most of a long log: the line of an event that
// matches has each of them, in any case, or else a backslash.
type EventQuery struct {
	Limit int
	After *int64
	Match func(Event) bool
	Words []string
}

// LogPage is what the log has for a query.
type LogPage struct {
	Events  []Event // oldest first
	LastSeq int64   // sequence number of the newest event on the board
	Missed  *Missed // events after After that the log does not have any more
}

// Missed are events that are not in the log any more: it was put aside under the
// name of File, in the same directory, or ("") somebody cut it.
type Missed struct {
	From int64  `json:"from"`
	To   int64  `json:"to"`
	File string `json:"file,omitempty"`
}

// Events is ReadLog without what was missed.
func (v *View) Events(q EventQuery) (events []Event, last int64, err error) {
	p, err := v.ReadLog(q)
	return p.Events, p.LastSeq, err
}

// ReadLog returns the chosen events. Lines that are no event are reported as
// parse_error with the line, as the original program does; they and lines
// without a sequence number are left out where After is given.
func (v *View) ReadLog(q EventQuery) (LogPage, error) { return v.from.ReadLog(q) }

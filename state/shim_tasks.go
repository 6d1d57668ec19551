package state

import ("context"; "errors")

type TaskSummary struct { ID int; Subject string; Status Status; Labels []string; BlockedBy []int; Priority int; Worktree string; Owner string }
type Tasks struct { All []*TaskSummary; Problems []Problem }
func (s *Store) Prime(context.Context) error { return nil }
func (v *View) Tasks() (*Tasks, error) {
	ids, err := v.taskIDs()
	if err != nil { return nil, err }
	out := &Tasks{}
	for _, id := range ids {
		t, err := v.Task(id)
		switch {
		case err == nil:
			out.All = append(out.All, &TaskSummary{ID: t.ID, Subject: t.Subject, Status: t.Status, Labels: t.Labels, BlockedBy: t.BlockedBy, Priority: t.Priority, Worktree: t.Worktree, Owner: t.Owner})
		case CodeOf(err) != NotFound:
			out.Problems = append(out.Problems, Problem{File: v.store.abs(taskPath(id)), Error: errors.Unwrap(err).Error()})
		}
	}
	return out, nil
}
func (ts *Tasks) Find(id int) (*TaskSummary, bool) { for _, t := range ts.All { if t.ID == id { return t, true } }; return nil, false }
func (ts *Tasks) OpenBlockers(by []int) (open []int) { for _, id := range by { if t, ok := ts.Find(id); ok && t.Status.Open() { open = append(open, id) } }; return open }
func (ts *Tasks) Blocks(id int) (out []int) { for _, t := range ts.All { for _, b := range t.BlockedBy { if b == id && t.Status != Deleted { out = append(out, t.ID) } } }; return out }
func (ts *Tasks) Cycle(id int, by []int) []int {
	for _, b := range by { if b == id { return []int{id, id} }; if t, ok := ts.Find(b); ok { if p := ts.Cycle(id, t.BlockedBy); p != nil { return append([]int{id, b}, p[1:]...) } } }
	return nil
}
func (ts *Tasks) Ready(held func(*TaskSummary) bool) (out []*TaskSummary) {
	for p := 0; p <= 4; p++ { for _, t := range ts.All { if t.Status == Pending && t.Priority == p && len(ts.OpenBlockers(t.BlockedBy)) == 0 && !held(t) { out = append(out, t) } } }
	return out
}

package state

import "slices"

// blocks reports whether task id stops those that are blocked by it: while it is
// open, and while its file cannot be read.
func (t *Tasks) blocks(id int) bool {
	if b, ok := t.Find(id); ok {
		return b.Status.Open()
	}
	return t.unreadable(id)
}

// OpenBlockers are those of the given tasks that still block: tasks that are
// open or cannot be read. Completed, deleted and missing ones block nothing.
func (t *Tasks) OpenBlockers(blockedBy []int) []int {
	var open []int
	for _, id := range blockedBy {
		if t.blocks(id) {
			open = append(open, id)
		}
	}
	return open
}

// Blocks are the tasks, deleted ones left out, that task id blocks by their word.
func (t *Tasks) Blocks(id int) []int {
	var blocked []int
	for _, s := range t.All {
		if s.Status != Deleted && slices.Contains(s.BlockedBy, id) {
			blocked = append(blocked, s.ID)
		}
	}
	return blocked
}

// Cycle is the shortest way on which task id would wait for itself if it were
// blocked by the given tasks, as [id … id], each blocked by the next; nil where
// there is none. Deleted tasks are no part of a way.
func (t *Tasks) Cycle(id int, blockedBy []int) []int {
	waits := map[int]int{} // task → the task that waits for it
	queue := []int{id}
	for next := blockedBy; len(queue) > 0; {
		at := queue[0]
		queue = queue[1:]
		for _, b := range next {
			if b == id {
				return wayBack(waits, at, id)
			}
			if _, seen := waits[b]; !seen {
				waits[b] = at
				queue = append(queue, b)
			}
		}
		next = nil
		if len(queue) > 0 {
			next = t.waitsFor(queue[0])
		}
	}
	return nil
}

func (t *Tasks) waitsFor(id int) []int {
	if s, ok := t.Find(id); ok && s.Status != Deleted {
		return s.BlockedBy
	}
	return nil
}

func wayBack(waits map[int]int, at, id int) []int {
	way := []int{id}
	for at != id {
		way = append(way, at)
		at = waits[at]
	}
	way = append(way, id)
	slices.Reverse(way)
	return way
}

// Circles are ways on which open tasks wait for themselves, as [id … id]: none of
// their tasks is ever ready. The board lets none be written; files edited by hand
// can have them. Where circles touch, the rest shows once those given are gone.
func (t *Tasks) Circles() (circles [][]int) {
	const going, done = 1, 2
	seen, way := map[int]int{}, []int{}
	var visit func(s *TaskSummary)
	visit = func(s *TaskSummary) {
		seen[s.ID], way = going, append(way, s.ID)
		for _, id := range s.BlockedBy {
			if seen[id] == going {
				circles = append(circles, append(slices.Clone(way[slices.Index(way, id):]), id))
				break
			}
			if b, ok := t.Find(id); ok && b.Status.Open() && seen[id] == 0 {
				visit(b)
			}
		}
		seen[s.ID], way = done, way[:len(way)-1]
	}
	for _, s := range t.All {
		if s.Status.Open() && seen[s.ID] == 0 {
			visit(s)
		}
	}
	return circles
}

// Ready are the pending tasks that nothing blocks and that are not held, by
// priority and then by number.
func (t *Tasks) Ready(held func(*TaskSummary) bool) []*TaskSummary {
	var ranks [LowestPriority + 1][]*TaskSummary
	for _, s := range t.All {
		if t.Startable(s) && !held(s) {
			ranks[s.Rank()] = append(ranks[s.Rank()], s)
		}
	}
	return slices.Concat(ranks[:]...)
}

// Startable reports whether a task is pending and nothing blocks it.
func (t *Tasks) Startable(s *TaskSummary) bool {
	return s.Status == Pending && !slices.ContainsFunc(s.BlockedBy, t.blocks)
}

package tools

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"wt-mcp/git"
	"wt-mcp/state"
	"wt-mcp/tools/ops"
)

// radar is which lanes would collide, as it was found at one moment. It is kept in a
// private file for all processes; what is in it can be found out again.
type radar struct {
	At       float64                `json:"at"`   // when the look at the lanes began
	Took     float64                `json:"took"` // seconds
	Lanes    []radarLane            `json:"lanes"`
	Pairs    []radarPair            `json:"pairs"`
	Verdicts map[string][]git.Clash `json:"verdicts"` // by the content of two lanes and of their target

	merges int // for which git was asked
}

// radarLane is a worktree as it was looked at.
type radarLane struct {
	Name      string      `json:"name"`
	Path      string      `json:"path"`
	CreatedAt float64     `json:"created_at"`
	TaskID    *int        `json:"task_id,omitempty"`
	Branch    string      `json:"branch,omitempty"` // that it is to land in
	Target    string      `json:"target,omitempty"` // the commit of that
	Key       string      `json:"key,omitempty"`    // equal for equal work; empty where that is not known yet
	Against   []git.Clash `json:"against,omitempty"`
	Filtered  bool        `json:"filtered,omitempty"`
	Unseen    []string    `json:"unseen,omitempty"`
}

// radarPair are two lanes that would collide, or, with Why, that could not be compared.
type radarPair struct {
	A       string      `json:"a"`
	B       string      `json:"b"`
	Clashes []git.Clash `json:"clashes,omitempty"`
	Why     string      `json:"why,omitempty"`
}

const (
	radarFile  = "radar.json"
	radarFresh = 2.0 // seconds for which a look serves every process
	mostPairs  = 2000
)

// look finds which lanes would collide, or takes what any process found less than
// maxAge seconds ago, and tells of what is new. One process looks at a time.
func (b *Board) look(ctx context.Context, maxAge float64) (*radar, error) {
	lanes, err := b.radarLanes(ctx)
	if err != nil || len(lanes) == 0 && len(b.lastRadar().Lanes) == 0 {
		return &radar{At: b.State.Now()}, err
	}
	if last := b.lastRadar(); last.serves(lanes, b.State.Now(), maxAge) {
		return last, nil
	}
	if b.ReadOnly {
		return b.lookAnew(ctx, lanes, b.lastRadar())
	}
	unlock, err := b.radarTurn(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	last := b.lastRadar()
	if last.serves(lanes, b.State.Now(), maxAge) {
		return last, nil
	}
	found, err := b.lookAnew(ctx, lanes, last)
	if err != nil {
		return nil, err
	}
	if data, err := json.Marshal(found); err != nil || b.State.WriteCache(radarFile, data) != nil {
		b.Log.Debug("keep which worktrees overlap", "error", err)
	}
	return found, b.tellRadar(ctx, found)
}

// radarTurn waits until no other process looks; where locks cannot be taken, nobody waits.
func (b *Board) radarTurn(ctx context.Context) (unlock func(), err error) {
	const pause = 20 * time.Millisecond
	for {
		unlock, err := b.State.TryLock(radarFile + ".lock")
		if err == nil {
			return unlock, nil
		}
		if !errors.Is(err, state.ErrLockHeld) {
			return func() {}, nil
		}
		select {
		case <-ctx.Done():
			return nil, ops.GitError("compare worktrees", ctx.Err())
		case <-time.After(pause):
		}
	}
}

// radarLanes are the worktrees on the board that exist.
func (b *Board) radarLanes(ctx context.Context) (lanes []radarLane, err error) {
	err = b.State.View(ctx, func(v *state.View) error {
		lanes = nil
		all, err := v.Worktrees()
		for _, w := range all {
			if w.Live() {
				lanes = append(lanes, radarLane{Name: w.Name, Path: w.Path, CreatedAt: w.CreatedAt, TaskID: w.TaskID})
			}
		}
		return err
	})
	return lanes, err
}

// lastRadar is what was found last; nothing where that cannot be read.
func (b *Board) lastRadar() *radar {
	var last radar
	data, err := b.State.ReadCache(radarFile)
	if err != nil || json.Unmarshal(data, &last) != nil {
		return &radar{}
	}
	return &last
}

// serves reports that a look was at the same lanes, and lately.
func (r *radar) serves(lanes []radarLane, now, maxAge float64) bool {
	age := now - r.At
	return age >= 0 && age <= maxAge && slices.EqualFunc(r.Lanes, lanes, func(a, b radarLane) bool {
		return a.Name == b.Name && a.CreatedAt == b.CreatedAt
	})
}

// lookAnew looks at every lane, and has git compare them unless nothing has changed.
func (b *Board) lookAnew(ctx context.Context, lanes []radarLane, last *radar) (*radar, error) {
	began := time.Now()
	found := &radar{At: b.State.Now(), Lanes: lanes}
	sights := b.sightLanes(ctx, lanes)
	if ctx.Err() != nil {
		return nil, ops.GitError("look at worktrees", ctx.Err())
	}
	if last.holds(lanes) {
		found.Lanes, found.Pairs, found.Verdicts = last.Lanes, last.Pairs, last.Verdicts
		for i := range found.Lanes {
			found.Lanes[i].TaskID = lanes[i].TaskID
		}
	} else if err := b.cross(ctx, found, sights, last); err != nil {
		return nil, ops.GitError("compare worktrees", err)
	}
	found.Took = time.Since(began).Seconds()
	return found, nil
}

// holds reports that nothing has changed since, in no lane and no target.
func (r *radar) holds(lanes []radarLane) bool {
	return slices.EqualFunc(r.Lanes, lanes, func(a, b radarLane) bool {
		return a.Name == b.Name && a.CreatedAt == b.CreatedAt && a.Key != "" && a.Key == b.Key && a.Target == b.Target
	})
}

// sightLanes looks at each lane where it is by now, and notes what could not be seen.
func (b *Board) sightLanes(ctx context.Context, lanes []radarLane) []*git.Sight {
	paths := make([]string, len(lanes))
	for i := range lanes {
		paths[i] = b.placeLane(ctx, &lanes[i])
	}
	sights, errs := b.Git.Sights(ctx, paths)
	for i, s := range sights {
		lane := &lanes[i]
		if len(lane.Unseen) > 0 {
			sights[i] = nil
			continue
		}
		if errs[i] != nil {
			lane.Unseen = []string{problem(ops.GitError("it could not be looked at", errs[i]))}
			continue
		}
		lane.Key, lane.Unseen = s.Key, s.Unseen
	}
	b.aimLanes(ctx, lanes)
	return sights
}

// placeLane is where a lane is by now, and notes what is against looking there.
func (b *Board) placeLane(ctx context.Context, lane *radarLane) string {
	if b.Git.CheckWorktree(lane.Path) == nil && lane.Path != b.State.Root() {
		return lane.Path
	}
	at, err := b.see(ctx, lane.Name)
	if err == nil {
		err = b.present(at)
	}
	if err != nil {
		lane.Unseen = []string{problem(err)}
		return lane.Path
	}
	return at.Path
}

// aimLanes finds the commit that each lane is to go to. Most have the same branch.
func (b *Board) aimLanes(ctx context.Context, lanes []radarLane) {
	entries := map[string]state.Worktree{}
	_ = b.State.View(ctx, func(v *state.View) error { // without it no lane has a target, and each is named
		all, err := v.Worktrees()
		for _, w := range all {
			if w.Live() {
				entries[strings.ToLower(w.Name)] = w
			}
		}
		return err
	})
	tips := map[string]git.Target{}
	for i := range lanes {
		lane := &lanes[i]
		w := entries[strings.ToLower(lane.Name)]
		branch, err := b.targetOf(ctx, w)
		t, known := tips[branch]
		if err == nil && !known {
			if t, err = b.findTarget(ctx, w, branch); err == nil {
				tips[branch] = t
			}
		}
		if err != nil {
			lane.Unseen = append(lane.Unseen, problem(err))
			continue
		}
		lane.Branch, lane.Target = t.Branch(), t.Tip
	}
}

// cross has git compare the lanes that were seen.
func (b *Board) cross(ctx context.Context, found *radar, sights []*git.Sight, last *radar) error {
	var seen []int
	var lanes []git.Sighted
	for i, s := range sights {
		if s != nil && found.Lanes[i].Target != "" {
			seen, lanes = append(seen, i), append(lanes, git.Sighted{Sight: s, Target: found.Lanes[i].Target})
		}
	}
	x, err := b.Git.Cross(ctx, lanes, last.Verdicts)
	if err != nil {
		return err
	}
	found.Verdicts, found.merges = x.Verdicts, x.Merges
	for i, at := range seen {
		lane := &found.Lanes[at]
		lane.Against, lane.Filtered = x.Targets[i], x.Filtered[i]
		if err := x.Failed[i]; err != nil {
			lane.Unseen = append(lane.Unseen, problem(ops.GitError("it could not be compared", err)))
		}
	}
	name := func(i int) string { return found.Lanes[seen[i]].Name }
	for _, p := range x.Pairs[:min(len(x.Pairs), mostPairs)] {
		found.Pairs = append(found.Pairs, radarPair{A: name(p.A), B: name(p.B), Clashes: p.Clashes})
	}
	for pair, err := range x.Unknown {
		found.Pairs = append(found.Pairs, radarPair{A: name(pair[0]), B: name(pair[1]), Why: problem(ops.GitError("git could not merge them", err))})
	}
	return nil
}

// tellRadar puts on the board what is new of what was found.
func (b *Board) tellRadar(ctx context.Context, found *radar) error {
	var now []state.Overlap
	unsure := map[string]bool{}
	for _, lane := range found.Lanes {
		if len(lane.Unseen) > 0 {
			unsure[lane.Name] = true
		}
	}
	for _, p := range found.Pairs {
		if p.Why != "" {
			unsure[p.A], unsure[p.B] = true, true
			continue
		}
		var files []string
		for _, c := range p.Clashes {
			files = append(files, c.Path)
		}
		now = append(now, state.NewOverlap(p.A, p.B, files, found.At))
	}
	notSure := func(name string) bool { return unsure[name] }
	law, untold := b.rules(), false
	err := b.State.View(ctx, func(v *state.View) error {
		untold = law.Untold(v, now, notSure)
		return nil
	})
	if err != nil || !untold {
		return err
	}
	return b.update(ctx, func(tx *state.Tx) error { return law.TellOverlaps(tx, now, notSure) })
}

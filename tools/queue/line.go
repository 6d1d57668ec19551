package queue

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"wt-mcp/state/osfs"
)

// Line is one queue, as one process stands in it. I is what is to be done and O what
// became of it; both can be written as JSON. It is safe for concurrent use.
type Line[I, O any] struct {
	dir     string
	sharing osfs.Sharing
	work    Work[I, O]

	mu      sync.Mutex
	waiting []*Item[I, O] // of this process, in their order
	coming  int           // callers in this process that are about to enter
	entered time.Time     // when the last one did
	running bool
}

// Work does what waits. It settles items, each at most once, and takes an item first if
// it must not be withdrawn any more. ctx ends when nobody waits for any of them. Where
// something waits by then, the turn is given up after a rest only.
type Work[I, O any] func(ctx context.Context, batch []*Item[I, O]) (rest time.Duration)

// Open joins the line whose files are in a directory below one that is there. A line is
// used as long as its process lives.
func Open[I, O any](dir string, sharing osfs.Sharing, work Work[I, O]) *Line[I, O] {
	return &Line[I, O]{dir: dir, sharing: sharing, work: work}
}

// Coming says that something is about to enter, so that who has the turn may wait a
// moment for it. came says that it has, or will not; it may be called twice.
func (l *Line[I, O]) Coming() (came func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.coming++
	return sync.OnceFunc(func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.coming--
	})
}

// How long who begins waits for those that come: as long as one does now and then, and
// not for ever.
const (
	between = 100 * time.Millisecond
	longest = 2 * time.Second
)

// gather waits for those who are about to enter, so that their work is done together.
func (l *Line[I, O]) gather() {
	for began := time.Now(); time.Since(began) < longest && l.expects(); {
		time.Sleep(quick)
	}
}

func (l *Line[I, O]) expects() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.coming > 0 && time.Since(l.entered) < between
}

// Do has something done, by this process or by another. Where ctx ends first it is
// withdrawn, or it is too late for that and the outcome is waited for. came are called
// once it has entered.
func (l *Line[I, O]) Do(ctx context.Context, in I, came ...func()) (out O, err error) {
	it := &Item[I, O]{In: in, done: make(chan struct{})}
	l.enter(it)
	for _, told := range came {
		told()
	}
	select {
	case <-it.done:
	case <-ctx.Done():
		if l.withdraw(it) {
			return out, context.Cause(ctx)
		}
		<-it.done
	}
	return it.out, it.err
}

func (l *Line[I, O]) enter(it *Item[I, O]) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting, l.entered = append(l.waiting, it), time.Now()
	if !l.running {
		l.running = true
		go l.run()
	}
}

// The pauses between two looks at a line that others are working on.
const (
	quick = 2 * time.Millisecond
	slow  = 25 * time.Millisecond
)

// run stands in the line for all items of this process, until none is left.
func (l *Line[I, O]) run() {
	pause := quick
	for {
		l.gather()
		mine := l.still()
		if len(mine) == 0 {
			return
		}
		worked, err := l.turn(mine)
		if err != nil {
			l.failAll(mine, err)
			continue
		}
		if worked {
			pause = quick
			continue
		}
		time.Sleep(pause)
		pause = min(slow, pause*5/4)
	}
}

// still lists the items of this process that are not settled. It ends the run where
// there are none.
func (l *Line[I, O]) still() []*Item[I, O] {
	l.mu.Lock()
	defer l.mu.Unlock()
	kept := l.waiting[:0:0]
	for _, it := range l.waiting {
		if !it.over() {
			kept = append(kept, it)
		}
	}
	l.waiting, l.running = kept, len(kept) > 0
	return kept
}

// turn does what waits, if the turn can be had. Otherwise it shows others what waits
// here, and collects what they did. It reports whether anything was settled.
func (l *Line[I, O]) turn(mine []*Item[I, O]) (worked bool, err error) {
	end, err := l.take()
	if errors.Is(err, errTaken) {
		return l.standBy(mine)
	}
	if err != nil {
		return false, err
	}
	defer end()
	if worked, err = l.collect(mine); err != nil || worked { // done by who had the turn before
		return worked, err
	}
	others, err := l.others(mine)
	if err != nil {
		return false, err
	}
	batch := append(others, mine...)
	defer func() {
		for _, it := range others {
			it.file.close()
		}
	}()
	rest := l.do(batch)
	for _, it := range batch {
		worked = worked || it.over()
	}
	if rest > 0 && l.anyWait() {
		time.Sleep(rest)
	}
	return worked, nil
}

// anyWait reports whether something waits, here or elsewhere.
func (l *Line[I, O]) anyWait() bool {
	l.mu.Lock()
	here := slices.ContainsFunc(l.waiting, func(it *Item[I, O]) bool { return !it.over() })
	l.mu.Unlock()
	names, err := l.names()
	return here || err == nil && len(names[waitSuffix]) > 0
}

// do works on a batch as long as anybody waits for some of it.
func (l *Line[I, O]) do(batch []*Item[I, O]) time.Duration {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan time.Duration)
	go func() { done <- l.work(ctx, batch) }()
	look := time.NewTicker(100 * time.Millisecond)
	defer look.Stop()
	defer cancel()
	for {
		select {
		case rest := <-done:
			return rest
		case <-look.C:
			if !anyWanted(batch) {
				cancel()
			}
		}
	}
}

func anyWanted[I, O any](batch []*Item[I, O]) bool {
	for _, it := range batch {
		if it.Wanted() {
			return true
		}
	}
	return false
}

// standBy shows what waits here to who has the turn.
func (l *Line[I, O]) standBy(mine []*Item[I, O]) (worked bool, err error) {
	for _, it := range mine {
		if err := l.publish(it); err != nil {
			return false, err
		}
	}
	return l.collect(mine)
}

func (l *Line[I, O]) failAll(items []*Item[I, O], err error) {
	for _, it := range items {
		it.end(*new(O), err)
	}
}

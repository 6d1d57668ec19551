package queue

import (
	"sync"
)

// Item is something that waits to be done.
type Item[I, O any] struct {
	In    I
	Again bool // it was taken before, by one who died

	mu        sync.Mutex
	file      *ticket // where others see it, or where we see theirs; nil: it is ours and no other process was told
	foreign   bool
	taken     bool
	withdrawn bool
	ended     bool

	out  O
	err  error
	done chan struct{} // closed when it is settled; nil for one of others
}

// Wanted reports whether anybody waits for it, or it is taken.
func (it *Item[I, O]) Wanted() bool {
	it.mu.Lock()
	defer it.mu.Unlock()
	switch {
	case it.ended || it.withdrawn:
		return false
	case it.taken:
		return true
	case it.foreign:
		return it.file.waits()
	}
	return true
}

// Take makes sure that it is not withdrawn any more. It is false for one that was.
func (it *Item[I, O]) Take() bool {
	it.mu.Lock()
	defer it.mu.Unlock()
	if it.ended || it.withdrawn {
		return false
	}
	if !it.taken && it.file != nil && !it.file.take() {
		it.withdrawn = true
		return false
	}
	it.taken = true
	return true
}

// Return gives one that was taken back: it waits on, and may be withdrawn.
func (it *Item[I, O]) Return() {
	it.mu.Lock()
	defer it.mu.Unlock()
	if it.taken && !it.ended {
		if it.file != nil {
			it.file.giveBack()
		}
		it.taken = false
	}
}

// Settle says what became of it.
func (it *Item[I, O]) Settle(out O) error {
	if !it.foreign {
		it.end(out, nil)
		return nil
	}
	it.mu.Lock()
	defer it.mu.Unlock()
	if it.ended {
		return nil
	}
	it.ended = true
	return it.file.settle(out)
}

// end is Settle for one of this process.
func (it *Item[I, O]) end(out O, err error) {
	it.mu.Lock()
	defer it.mu.Unlock()
	if it.ended || it.withdrawn {
		return
	}
	it.ended, it.out, it.err = true, out, err
	it.file.drop()
	close(it.done)
}

func (it *Item[I, O]) over() bool {
	it.mu.Lock()
	defer it.mu.Unlock()
	return it.ended || it.withdrawn
}

// withdraw takes an item out of the line, unless it is taken.
func (l *Line[I, O]) withdraw(it *Item[I, O]) bool {
	it.mu.Lock()
	defer it.mu.Unlock()
	if it.ended || it.taken || it.file != nil && !it.file.withdraw() {
		return false
	}
	it.withdrawn = true
	it.file.drop()
	return true
}

package stdio

import "sync/atomic"

const maxIdle = 64

// workers run jobs at once, each in a goroutine that does
// nothing else meanwhile. A goroutine that is done stays for the next job: growing
// the stack of a new one costs more than everything else here does for a call.
type workers struct {
	jobs chan func() // unbuffered: a send goes through only to an idle goroutine
	idle atomic.Int32
	stop <-chan struct{}
}

func newWorkers(stop <-chan struct{}) *workers {
	return &workers{jobs: make(chan func()), stop: stop}
}

func (w *workers) run(job func()) {
	select {
	case w.jobs <- job:
	default:
		go w.work(job)
	}
}

func (w *workers) work(job func()) {
	for {
		job()
		job = nil // an idle goroutine must not keep a message alive
		if w.idle.Add(1) > maxIdle {
			w.idle.Add(-1)
			return
		}
		select {
		case job = <-w.jobs:
			w.idle.Add(-1)
		case <-w.stop:
			return
		}
	}
}

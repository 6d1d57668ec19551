//go:build linux

package torture_test

import (
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// undying is a client that starts its server again whenever it dies.
type undying struct {
	r   *repo
	mu  sync.Mutex
	srv *server
}

func (u *undying) current() *server {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.srv
}

func (u *undying) swap(s *server) (old *server) {
	u.mu.Lock()
	defer u.mu.Unlock()
	old, u.srv = u.srv, s
	return old
}

// live takes one step after the other until it is told to stop; a step that is
// cut off answers errGone.
func (u *undying) live(t *testing.T, stop <-chan struct{}, step func(*server) error) {
	for {
		select {
		case <-stop:
			if s := u.swap(nil); s != nil {
				assert.NoError(t, gone(s.close()))
			}
			return
		default:
		}
		s := u.current()
		if s == nil {
			u.restart(t)
			continue
		}
		if err := step(s); errors.Is(err, errGone) {
			u.swap(nil)
			s.kill()
			assert.NoError(t, s.sound())
		} else if !assert.NoError(t, err) {
			<-stop
		}
	}
}

func (u *undying) restart(t *testing.T) {
	s := u.r.command()
	if !assert.NoError(t, s.run()) {
		return
	}
	u.swap(s)
	if err := s.greet(); err != nil && !errors.Is(err, errGone) {
		assert.NoError(t, err)
	}
}

// gone takes a server for sound that was killed while it ended.
func gone(err error) error {
	if err != nil && strings.Contains(err.Error(), "signal: killed") {
		return nil
	}
	return err
}

type kills struct{ alone, family int }

// killSome kills one of them every 20 to 150 ms, alone or with its children.
func killSome(victims []*undying, d time.Duration, rng *rand.Rand) (k kills) {
	for end := time.Now().Add(d); time.Now().Before(end); {
		time.Sleep(time.Duration(20+rng.IntN(130)) * time.Millisecond)
		s := victims[rng.IntN(len(victims))].current()
		switch {
		case s == nil:
		case rng.IntN(2) == 0:
			s.kill()
			k.alone++
		default:
			s.killFamily()
			k.family++
		}
	}
	return k
}

package gate

import "slices"

// Refused is a lane that does not land, and why.
type Refused[T, F any] struct {
	Lane  T
	Fault F
}

// Bisect finds which of some lanes may land together, in their order. try says what is
// wrong with a set of them, nil for nothing; it is given the lanes that passed so far
// and, behind them, those in question. A set that fails is halved until the lanes stand
// alone behind what passed. So good passed as a whole, in its last try; each lane of bad
// failed alone behind lanes of good. Where k of n lanes are bad there are at most
// 1 + 2k⌈log₂ n⌉ tries, and never more than 2n - 1.
func Bisect[T, F any](lanes []T, try func([]T) (*F, error)) (good []T, bad []Refused[T, F], err error) {
	b := &bisection[T, F]{try: try}
	if len(lanes) > 0 {
		err = b.settle(lanes, nil)
	}
	return b.good, b.bad, err
}

type bisection[T, F any] struct {
	try  func([]T) (*F, error)
	good []T
	bad  []Refused[T, F]
}

// settle decides about a group. fault is what is known to be wrong with it behind what
// is good by now; nil where that is to be tried.
func (b *bisection[T, F]) settle(group []T, fault *F) (err error) {
	if fault == nil {
		set := slices.Concat(b.good, group)
		if fault, err = b.try(set); err != nil {
			return err
		}
		if fault == nil {
			b.good = set
			return nil
		}
	}
	if len(group) == 1 {
		b.bad = append(b.bad, Refused[T, F]{group[0], *fault})
		return nil
	}
	first, second, refused := group[:len(group)/2], group[len(group)/2:], len(b.bad)
	if err := b.settle(first, nil); err != nil {
		return err
	}
	if len(b.bad) > refused { // the second half stands behind other lanes than it failed with
		fault = nil
	}
	return b.settle(second, fault)
}

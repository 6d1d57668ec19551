package gate

import (
	"errors"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// faulty makes a try in which the lanes of bad fail whatever set they are in.
func faulty(bad []int, tries *[][]int) func([]int) (*string, error) {
	return func(set []int) (*string, error) {
		*tries = append(*tries, slices.Clone(set))
		for _, lane := range set {
			if slices.Contains(bad, lane) {
				fault := fmt.Sprint("broken by ", lane)
				return &fault, nil
			}
		}
		return nil, nil
	}
}

func upTo(n int) (lanes []int) {
	for i := range n {
		lanes = append(lanes, i)
	}
	return lanes
}

func TestBisectChecksAGoodBatchOnce(t *testing.T) {
	t.Parallel()
	var tries [][]int
	good, bad, err := Bisect(upTo(10), faulty(nil, &tries))
	require.NoError(t, err)
	require.Equal(t, upTo(10), good)
	require.Empty(t, bad)
	require.Len(t, tries, 1)

	good, bad, err = Bisect(nil, faulty(nil, &tries))
	require.NoError(t, err)
	require.Empty(t, good)
	require.Empty(t, bad)
	require.Len(t, tries, 1, "of nothing nothing is tried")
}

// Every good lane lands, every bad one is refused for its own fault, what lands was
// tried as it lands, and the number of tries is bounded.
func TestBisectOfAnyBatch(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		n := 1 + random.IntN(70)
		var broken []int
		share := random.Float64() * random.Float64()
		for lane := range n {
			if random.Float64() < share {
				broken = append(broken, lane)
			}
		}
		var tries [][]int
		good, bad, err := Bisect(upTo(n), faulty(broken, &tries))
		require.NoError(t, err)
		var refused []int
		for _, r := range bad {
			require.Equal(t, fmt.Sprint("broken by ", r.Lane), r.Fault)
			refused = append(refused, r.Lane)
		}
		require.Equal(t, broken, refused)
		require.Equal(t, slices.DeleteFunc(upTo(n), func(lane int) bool { return slices.Contains(broken, lane) }), append([]int{}, good...))
		if len(good) > 0 {
			require.True(t, slices.ContainsFunc(tries, func(set []int) bool { return slices.Equal(set, good) }), "what lands was tried")
		}
		bound := min(2*n-1, 1+2*len(broken)*bits.Len(uint(n-1)))
		require.LessOrEqual(t, len(tries), max(1, bound), "%d lanes, broken %v", n, broken)
	}
}

// Lanes that fail only together: the first of them lands.
func TestBisectOfLanesThatDoNotGetOn(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(3, 4))
	for range 1000 {
		n := 2 + random.IntN(30)
		a, b := random.IntN(n), random.IntN(n)
		if a == b {
			continue
		}
		var last []int
		try := func(set []int) (*string, error) {
			if slices.Contains(set, a) && slices.Contains(set, b) {
				return new(string), nil
			}
			last = slices.Clone(set)
			return nil, nil
		}
		good, bad, err := Bisect(upTo(n), try)
		require.NoError(t, err)
		require.Len(t, bad, 1)
		require.Equal(t, max(a, b), bad[0].Lane)
		require.Len(t, good, n-1)
		require.Equal(t, good, last, "the last that passed is what lands")
	}
}

// A try that cannot be made ends it; what passed before counts.
func TestBisectEndsWithAnError(t *testing.T) {
	t.Parallel()
	gone := errors.New("gone")
	calls := 0
	good, bad, err := Bisect(upTo(4), func(set []int) (*string, error) {
		if calls++; calls == 3 {
			return nil, gone
		}
		if len(set) > 2 {
			return new(string), nil
		}
		return nil, nil
	})
	require.ErrorIs(t, err, gone)
	require.Equal(t, []int{0, 1}, good)
	require.Empty(t, bad)
}

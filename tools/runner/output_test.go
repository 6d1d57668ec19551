package runner

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func keep(text string, budget, chunk int) (string, bool) {
	h := newHeadTail(budget)
	for len(text) > 0 {
		n := min(chunk, len(text))
		h.Write([]byte(text[:n]))
		text = text[n:]
	}
	return h.text()
}

func TestHeadTailKeepsWhatFits(t *testing.T) {
	text := strings.Repeat("x", 999) + "\n"
	for _, chunk := range []int{1, 7, 2000} {
		got, truncated := keep(text, len(text), chunk)
		require.False(t, truncated)
		require.Equal(t, text, got)
	}
}

func TestHeadTailCutsBetweenLines(t *testing.T) {
	var b strings.Builder
	for i := range 10000 {
		fmt.Fprintf(&b, "line %05d\n", i)
	}
	got, truncated := keep(b.String(), 1000, 4096)
	require.True(t, truncated)
	require.LessOrEqual(t, len(got), 1000)
	require.Greater(t, len(got), 950)
	lines := strings.Split(strings.TrimSuffix(got, "\n"), "\n")
	require.Equal(t, "line 00000", lines[0])
	require.Equal(t, "line 09999", lines[len(lines)-1])
	var size, left int
	for _, line := range lines {
		if n, _ := fmt.Sscanf(line, "[... %d bytes (%d lines) left out ...]", &size, &left); n == 2 {
			continue
		}
		require.Regexp(t, `^line \d{5}$`, line)
	}
	require.Equal(t, 10000-(len(lines)-1), left)
	require.Equal(t, left*len("line 00000\n"), size)
	require.InDelta(t, 0.3, float64(strings.Index(got, "[..."))/1000, 0.02)
}

func TestHeadTailCutsBetweenRunes(t *testing.T) {
	for budget := 200; budget < 220; budget++ {
		got, truncated := keep(strings.Repeat("世", 1000), budget, 100)
		require.True(t, truncated)
		require.True(t, utf8.ValidString(got))
		require.LessOrEqual(t, len(got), budget)
		require.Greater(t, len(got), budget-16)
		require.Contains(t, got, "世\n[... ")
		require.Contains(t, got, "left out ...]\n世")
	}
}

func TestHeadTailOfTinyBudget(t *testing.T) {
	got, truncated := keep(strings.Repeat("é", 100)+"end", 10, 3)
	require.True(t, truncated)
	require.Equal(t, "éééend", got)
}

// TestHeadTailStaysSmall: what is held does not grow with what is written.
func TestHeadTailStaysSmall(t *testing.T) {
	h := newHeadTail(1000)
	for i := range 10000 {
		h.Write(make([]byte, i%3000))
	}
	require.LessOrEqual(t, cap(h.head)+cap(h.tail), 4*1000)
}

func FuzzHeadTail(f *testing.F) {
	f.Add("some words\nand more\n", 40, 300, 7)
	f.Add("é世👍", 200, 250, 3)
	f.Add("\n", 2000, 190, 100)
	f.Add("xyz", 1, 1, 1)
	gap := regexp.MustCompile(`\n?\[\.\.\. (\d+) bytes \((\d+) lines\) left out \.\.\.\]\n`)
	f.Fuzz(func(t *testing.T, s string, repeat, budget, chunk int) {
		repeat, budget, chunk = bounded(repeat, 3000), bounded(budget, 2000), bounded(chunk, 5000)
		text := strings.Repeat(strings.ReplaceAll(strings.ToValidUTF8(s, "?"), "[", "("), repeat)
		got, truncated := keep(text, budget, chunk)
		require.LessOrEqual(t, len(got), budget)
		require.True(t, utf8.ValidString(got))
		require.Equal(t, len(text) > budget, truncated)
		if !truncated {
			require.Equal(t, text, got)
			return
		}
		at := gap.FindStringSubmatchIndex(got)
		if at == nil {
			require.Less(t, budget, 400)
			require.True(t, strings.HasSuffix(text, got))
			return
		}
		requireParts(t, text, got, at)
	})
}

func bounded(n, limit int) int { return 1 + max(n, -n&0xffff)%limit }

// requireParts: head and tail around the gap line are those of text, and the
// line counts what is between them.
func requireParts(t *testing.T, text, got string, at []int) {
	size, err := strconv.Atoi(got[at[2]:at[3]])
	require.NoError(t, err)
	lines, err := strconv.Atoi(got[at[4]:at[5]])
	require.NoError(t, err)
	head, tail := got[:at[0]], got[at[1]:]
	if strings.HasPrefix(text, head+"\n") && len(head)+size+len(tail) != len(text) {
		head += "\n"
	}
	require.True(t, strings.HasPrefix(text, head))
	require.True(t, strings.HasSuffix(text, tail))
	require.Equal(t, len(text), len(head)+size+len(tail))
	require.Equal(t, strings.Count(text[len(head):len(head)+size], "\n"), lines)
}

func TestCaptureCleansBeforeItCuts(t *testing.T) {
	c := newCapture(300)
	for i := range 5000 {
		fmt.Fprintf(c, "\x1b[32m%d%%\x1b[0m\r", i)
	}
	fmt.Fprint(c, "\ndone\n")
	got, truncated := c.text()
	require.False(t, truncated)
	require.Equal(t, "4999%\ndone\n", got)
	require.Greater(t, c.raw, int64(5000*10))
}

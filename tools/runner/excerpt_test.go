package runner

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// written is a log of raw, written in chunks.
func written(t testing.TB, raw []byte, limit int64, chunk int) (Log, *logWriter) {
	t.Helper()
	dir, id := t.TempDir(), NewID(time.Now())
	w, err := newLogWriter(dir, id, limit)
	require.NoError(t, err)
	for len(raw) > 0 {
		n := min(chunk, len(raw))
		w.Write(raw[:n])
		raw = raw[n:]
	}
	w.Close()
	require.NoError(t, w.err)
	l, err := openLog(dir, id, limit)
	require.NoError(t, err)
	return l, w
}

func numbered(lines int) []byte {
	var b bytes.Buffer
	for i := range lines {
		fmt.Fprintf(&b, "line %05d\n", i)
	}
	return b.Bytes()
}

func TestLogKeepsAll(t *testing.T) {
	raw := numbered(1000)
	l, _ := written(t, raw, 1<<20, 77)
	got := make([]byte, len(raw)+10)
	n, start, err := l.readAt(got, 0)
	require.NoError(t, err)
	require.Zero(t, start)
	require.Equal(t, raw, got[:n])
	require.Len(t, l.pieces, 1)
}

// TestLogKeepsHeadAndTail: within its limit, at the offsets of the stream.
func TestLogKeepsHeadAndTail(t *testing.T) {
	const limit = 8000
	raw := numbered(10000)
	l, w := written(t, raw, limit, 333)
	require.Equal(t, int64(len(raw)), l.Size())
	files, err := filepath.Glob(filepath.Join(w.dir, "*.log"))
	require.NoError(t, err)
	var size int64
	for _, f := range files {
		info, err := os.Stat(f)
		require.NoError(t, err)
		size += info.Size()
	}
	require.LessOrEqual(t, size, int64(limit))
	require.Greater(t, size, int64(limit*3/4))
	buf := make([]byte, 500)
	for off := int64(0); off < l.Size(); {
		n, start, err := l.readAt(buf, off)
		require.NoError(t, err)
		require.Positive(t, n)
		require.GreaterOrEqual(t, start, off)
		require.Equal(t, raw[start:start+int64(n)], buf[:n])
		if start > off {
			require.Equal(t, int64(limit/headShare), off, "the gap begins after the head")
		}
		off = start + int64(n)
	}
}

// TestLogOfFullDisk: a log that cannot be written costs the log, not the run.
func TestLogOfFullDisk(t *testing.T) {
	dir := t.TempDir()
	w, err := newLogWriter(dir, NewID(time.Now()), 1000)
	require.NoError(t, err)
	w.out.Close()
	n, err := w.Write(make([]byte, 5000))
	require.NoError(t, err)
	require.Equal(t, 5000, n)
	require.Equal(t, int64(5000), w.total)
	require.Error(t, w.err)
}

var gapForm = regexp.MustCompile(`\n?\[\.\.\. (\d+) bytes left out: run_output \{"run_id":"x","offset":(\d+)\} \.\.\.\]\n`)

func TestBriefCutsBetweenLines(t *testing.T) {
	raw := numbered(100_000)
	l, _ := written(t, raw, 1<<19, 4096) // the log has a gap, too
	e, err := l.Brief("x", 1000)
	require.NoError(t, err)
	require.True(t, e.Truncated)
	require.LessOrEqual(t, len(e.Text), 1000)
	require.Greater(t, len(e.Text), 900)
	at := gapForm.FindStringSubmatchIndex(e.Text)
	require.NotNil(t, at, e.Text)
	head, tail := e.Text[:at[0]]+"\n", e.Text[at[1]:]
	require.True(t, strings.HasPrefix(string(raw), head))
	require.True(t, strings.HasSuffix(string(raw), tail))
	require.Equal(t, strconv.Itoa(len(raw)-len(head)-len(tail)), e.Text[at[2]:at[3]])
	require.Equal(t, strconv.Itoa(len(head)), e.Text[at[4]:at[5]])
	require.Equal(t, int64(len(head)), e.Next)
	require.InDelta(t, 0.3, float64(at[0])/1000, 0.02)
	for _, line := range strings.Split(strings.TrimSpace(head+tail), "\n") {
		require.Regexp(t, `^line \d{5}$`, line)
	}
}

func TestBriefCleansBeforeItCuts(t *testing.T) {
	var b bytes.Buffer
	for i := range 5000 {
		fmt.Fprintf(&b, "\x1b[32m%d%%\x1b[0m\r", i)
	}
	fmt.Fprint(&b, "\ndone\n")
	l, _ := written(t, b.Bytes(), 1<<20, 100)
	e, err := l.Brief("x", 300)
	require.NoError(t, err)
	require.False(t, e.Truncated)
	require.Equal(t, "4999%\ndone\n", e.Text)
}

func TestBriefOfOneLongLine(t *testing.T) {
	l, _ := written(t, bytes.Repeat([]byte("世"), 200_000), 1<<20, 1000)
	e, err := l.Brief("x", 1000)
	require.NoError(t, err)
	require.True(t, utf8.ValidString(e.Text))
	require.NotContains(t, e.Text, "\uFFFD")
	require.LessOrEqual(t, len(e.Text), 1000)
	require.Greater(t, len(e.Text), 900)
}

// TestPagesAreTheWhole: page after page is the stream.
func TestPagesAreTheWhole(t *testing.T) {
	raw := numbered(5000)
	l, _ := written(t, raw, 1<<20, 1000)
	var b strings.Builder
	for off := int64(0); off < l.Size(); {
		e, err := l.Page("x", off, 777, true)
		require.NoError(t, err)
		require.True(t, strings.HasSuffix(e.Text, "\n"), "cut at the end of a line")
		require.LessOrEqual(t, len(e.Text), 777)
		require.Greater(t, e.Next, off)
		b.WriteString(e.Text)
		off = e.Next
	}
	require.Equal(t, string(raw), b.String())
}

func TestPageOfARunningCommand(t *testing.T) {
	l, _ := written(t, []byte("one\ntwo\npart"), 1<<20, 5)
	e, err := l.Page("x", 0, 1000, false)
	require.NoError(t, err)
	require.Equal(t, "one\ntwo\n", e.Text, "a line that is not finished waits")
	e, err = l.Page("x", e.Next, 1000, false)
	require.NoError(t, err)
	require.Equal(t, "part", e.Text, "unless it is all there is, as of a prompt")
	e, err = l.Page("x", 999, 1000, false)
	require.NoError(t, err)
	require.Equal(t, Excerpt{Next: 12, Size: 12}, e)
}

func TestPageSaysWhatIsGone(t *testing.T) {
	l, _ := written(t, numbered(10_000), 8000, 100)
	e, err := l.Page("x", 5000, 200, true)
	require.NoError(t, err)
	require.Positive(t, e.Skipped)
	require.Equal(t, e.Next, 5000+e.Skipped+int64(len(e.Text)))
}

func bounded(n, limit int) int { return 1 + max(n, -n&0xffff)%limit }

// FuzzExcerpts: whatever a program writes and however the log cut it, the brief
// text keeps to its budget and the pages come to an end.
func FuzzExcerpts(f *testing.F) {
	f.Add("some words\nand more\n", 40, 300, 7, 5000)
	f.Add("é世👍\xff\x1b[31m", 200, 250, 3, 900)
	f.Add("\r\n\x00", 2000, 290, 100, 64)
	f.Fuzz(func(t *testing.T, s string, repeat, budget, chunk, limit int) {
		raw := []byte(strings.Repeat(s[:min(len(s), 100)], bounded(repeat, 60)))
		budget, chunk = 200+bounded(budget, 2000), bounded(chunk, 5000)
		l, _ := written(t, raw, 400+int64(bounded(limit, 50_000)), chunk)
		e, err := l.Brief("x", budget)
		require.NoError(t, err)
		require.LessOrEqual(t, len(e.Text), budget)
		require.True(t, utf8.ValidString(e.Text))
		require.Equal(t, int64(len(raw)), e.Size)
		if clean := sanitize(string(raw)); len(clean) <= budget && len(l.pieces) == 1 {
			require.Equal(t, clean, e.Text)
		}
		for off := int64(0); off < l.Size(); {
			page, err := l.Page("x", off, budget, true)
			require.NoError(t, err)
			require.LessOrEqual(t, len(page.Text), budget)
			require.True(t, utf8.ValidString(page.Text))
			require.Greater(t, page.Next, off)
			off = page.Next
		}
	})
}

package runner

import (
	"io"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func TestSanitize(t *testing.T) {
	long := strings.Repeat("a", maxFold+1)
	for _, tc := range []struct{ name, in, want string }{
		{"empty", "", ""},
		{"plain", "a\tb\nc", "a\tb\nc"},
		{"runes", "grüße 世界 👍\n", "grüße 世界 👍\n"},
		{"bad byte", "a\xffb", "a\uFFFDb"},
		{"bad bytes one by one", "\xff\xfe", "\uFFFD\uFFFD"},
		{"rune cut short by text", "\xe2\x82x", "\uFFFDx"},
		{"rune cut short by the end", "x\xf0\x9f\x91", "x\uFFFD"},
		{"overlong and surrogate", "\xc0\x80\xed\xa0\x80", "\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD"},
		{"replacement character", "\uFFFD", "\uFFFD"},
		{"crlf", "a\r\nb\r\r\nc\n", "a\nb\nc\n"},
		{"progress", "10%\r50%\r100%\ndone\n", "100%\ndone\n"},
		{"progress at the end", "10%\r100%\r", "100%"},
		{"progress erased", "10%\r\x1b[K100%\r\x1b[K\n", "100%\n"},
		{"return alone", "\r\r", ""},
		{"return before a tab", "ab\r\tc", "\tc"},
		{"progress in runes", "▏\r▎\r▍\n", "▍\n"},
		{"line too long to fold", long + "\rb\rc\n", long + "\nc\n"},
		{"line too long, crlf", long + "\r\nb\rc", long + "\nc"},
		{"colour", "\x1b[1;31mred\x1b[0m \x1b[38:5:1mx\x1b[m", "red x"},
		{"private csi", "\x1b[?25lx\x1b[?2004h\x1b[ q", "x"},
		{"title, bel", "\x1b]0;title\x07x", "x"},
		{"link, st", "\x1b]8;;http://a\x1b\\text\x1b]8;;\x1b\\", "text"},
		{"osc over at line end", "\x1b]0;title\nx", "\nx"},
		{"osc broken by a sequence", "\x1b]0;t\x1b[1mx", "x"},
		{"osc cancelled", "\x1b]0;t\x18x", "x"},
		{"dcs, apc", "\x1bPq#0\x1b\\a\x1b_k\x1b\\b", "ab"},
		{"charset, keypad", "\x1b(B\x1b=\x1b>\x1b#8x\x1bMy", "xy"},
		{"csi broken by line end", "\x1b[12\nx", "\nx"},
		{"csi broken by a rune", "\x1b[1é", "é"},
		{"escape alone", "a\x1b", `a\x1b`},
		{"escape before a control", "\x1b\x1b\x01", `\x1b\x1b\x01`},
		{"csi unfinished", "a\x1b[1;", "a"},
		{"sequence in a rune", "\xe2\x1b[m\x82\xac", "\uFFFD\uFFFD\uFFFD"},
		{"controls", "a\x00\x07\x08\x0b\x0c\x7f", `a\x00\x07\x08\x0b\x0c\x7f`},
		{"c1", "\u0085\u009b1m", `\u0085\u009b1m`},
		{"bidi", "a\u202eb\u2066c\u2069\u200f\u061c", `a\u202eb\u2066c\u2069\u200f\u061c`},
		{"line separators", "a\u2028b\u2029", `a\u2028b\u2029`},
		{"tags", "a\U000e0041", `a\U000e0041`},
		{"joiners stay", "👩\u200d🚀", "👩\u200d🚀"},
		{"escaped text stays", `\x1b[31m \u202e`, `\x1b[31m \u202e`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			require.Equal(t, tc.want, sanitize(tc.in))
			require.Equal(t, tc.want, sanitizeChunks(tc.in, 1))
			require.Equal(t, tc.want, sanitizeChunks(tc.in, 3))
			require.Equal(t, tc.want, sanitize(tc.want))
		})
	}
}

func sanitizeChunks(s string, size int) string {
	var b strings.Builder
	c := newCleaner(&b)
	for len(s) > 0 {
		n := min(size, len(s))
		c.Write([]byte(s[:n]))
		s = s[n:]
	}
	c.Close()
	return b.String()
}

func FuzzSanitize(f *testing.F) {
	for _, s := range []string{
		"a\r\nb\rc", "\x1b[31mred\x1b[0m", "\x1b]0;t\x07x", "\x1b]8;;u\x1b\\t", "\xe2\x82", "\u202e\U000e0041", "\x00\x1b\x1b[\x1b",
		"\x1bP\xff\x1b\\", "\xf0\x80\x80\x41",
	} {
		f.Add(s, 1)
		f.Add(s, 5)
	}
	f.Fuzz(func(t *testing.T, s string, size int) {
		clean := sanitize(s)
		require.True(t, utf8.ValidString(clean))
		require.NotContains(t, clean, "\r")
		require.Equal(t, -1, strings.IndexFunc(clean, unwanted), "%q", clean)
		require.LessOrEqual(t, len(clean), maxGrowth*len(s))
		require.Equal(t, clean, sanitize(clean))
		require.Equal(t, clean, sanitizeChunks(s, max(1, size%64)))
	})
}

func unwanted(r rune) bool {
	return r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r))
}

// FuzzSanitizeSpliced has lines around the length from which they no longer fold.
func FuzzSanitizeSpliced(f *testing.F) {
	f.Add("\ry\n", 1, "z\r\n")
	f.Add("é\r", 0, "\x1b[K!")
	f.Add("\x07\r\n", 3, "")
	f.Fuzz(func(t *testing.T, s string, less int, end string) {
		s = strings.Repeat("x", maxFold-min(max(less, 0), 16)) + s + end
		clean := sanitize(s)
		require.Equal(t, clean, sanitizeChunks(s, 1))
		require.Equal(t, clean, sanitize(clean))
	})
}

func BenchmarkSanitize(b *testing.B) {
	for name, s := range map[string]string{
		"plain": strings.Repeat("some words of plain output\n", 4000),
		"y":     strings.Repeat("y\n", 50000),
		"mixed": strings.Repeat("\x1b[31mgrüße\x1b[0m 世界\r\n", 4000),
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(s)))
			raw := []byte(s)
			for b.Loop() {
				newCleaner(io.Discard).Write(raw)
			}
		})
	}
}

package server

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestProgressIsPaced(t *testing.T) {
	var sent []string
	p, start := &pace{}, time.Unix(1000, 0)
	for i := range 120 { // four reports a second
		at := time.Duration(i) * 250 * time.Millisecond
		message := fmt.Sprintf("%d s", int(at.Seconds()))
		if i >= 80 {
			message = fmt.Sprintf("%d s line %d", int(at.Seconds()), i)
		}
		if p.news(start.Add(at), message) {
			sent = append(sent, message)
		}
	}
	require.Equal(t, []string{"0 s", "9 s", "19 s", "20 s line 80"}, sent[:min(len(sent), 3)+1])
	require.Len(t, sent, 3+10, "once a second where there is something new")
}

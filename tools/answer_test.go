package tools

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAnswer(t *testing.T) {
	a := Answer{Value: map[string]any{"at": 1795590861.644564, "n": 3}, Text: "one\n", Next: []Step{
		{"undo", "worktree_restore", WorktreeRestoreIn{Snapshot: "a<b>\u202e"}},
		{Why: "commit first"},
	}}
	require.Equal(t, "one\nundo: worktree_restore {\"snapshot\":\"a<b>\\u202e\"}\ncommit first", a.Words())
	data, err := json.Marshal(a)
	require.NoError(t, err)
	var got struct {
		At   json.Number
		Next []string
	}
	require.NoError(t, json.Unmarshal(data, &got))
	require.Equal(t, "1795590861.645", got.At.String())
	require.Equal(t, []string{a.Next[0].String(), "commit first"}, got.Next, "text and structure have the same steps")

	data, err = json.Marshal(Answer{Value: map[string]any{"n": 1}, Text: "one"})
	require.NoError(t, err)
	require.JSONEq(t, `{"n":1}`, string(data), "nothing leads on: no key")
}

func TestRounded(t *testing.T) {
	for given, want := range map[string]string{
		`{"a":1.3900000000000001,"b":[0.004530077,-2.5]}`: `{"a":1.39,"b":[0.005,-2.5]}`,
		`{"a":"1.23456","1.23456\"1.23456":1}`:            `{"a":"1.23456","1.23456\"1.23456":1}`,
		`[12345678901234567890,1e400,1.5e3,1.23456e2]`:    `[12345678901234567890,1e400,1.5e3,123.456]`,
		`1.99999`: `2`,
	} {
		require.Equal(t, want, string(rounded([]byte(given))))
	}
}

// Rounding leaves valid JSON valid, with the same shape, and never fails on what is none.
func FuzzRounded(f *testing.F) {
	f.Add([]byte(`{"a":1.3900000000000001,"b":"1.23456\\"}`))
	f.Add([]byte(`"\`))
	f.Fuzz(func(t *testing.T, data []byte) {
		out := rounded(data)
		require.Equal(t, string(out), string(rounded(out)))
		if json.Valid(data) {
			require.True(t, json.Valid(out), "%s became %s", data, out)
		}
	})
}

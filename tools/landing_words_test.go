package tools

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"wt-mcp/git"
	"wt-mcp/state"
)

func wordsBy(name, email, message string) git.Commit {
	return git.Commit{Author: git.Person{Name: name, Email: email}, Message: message}
}

// A squash says what its task is about, what its commits were, and who wrote them:
// nobody is named who did not.
func TestSquashWords(t *testing.T) {
	one := wordsBy("Ann", "ann@example.com", "first\n\nCo-authored-by: Robot <robot@example.com>\n")
	two := wordsBy("Bob", "Bob@example.com", "second\n")
	task := &state.Task{ID: 12, Subject: "Add it\nnow", Description: "Why it\r\nis so.\nSigned-off-by: Nobody <n@example.com>\n\nMore."}
	trailers := []string{"Wt-Task: {task}", "Wt-Lane: {lane}", "Wt-Lane: {lane}"}
	for name, c := range map[string]struct {
		words words
		picks []git.Commit
		want  string
	}{
		"task":            {words{Lane: "l", Task: task, Trailers: trailers}, []git.Commit{one}, "Add it now\n\nWhy it\nis so.\n\n- first\n\nWt-Task: 12\nWt-Lane: l\n"},
		"message":         {words{Lane: "l", Task: task, Message: " Said\n\nso. \n"}, []git.Commit{one}, "Said\n\nso.\n\n- first\n"},
		"own trailers":    {words{Lane: "l", Task: task, Message: "Said\n\nFixes: 7\nReviewed-by: Eve <e@example.com>", Trailers: trailers[:1]}, []git.Commit{one}, "Said\n\n- first\n\nFixes: 7\nReviewed-by: Eve <e@example.com>\nWt-Task: 12\n"},
		"no task":         {words{Lane: "l", Trailers: trailers[:1]}, []git.Commit{one}, "first\n"},
		"no task, two":    {words{Lane: "l"}, []git.Commit{one, two}, "Land l\n\n- first\n- second\n\nCo-authored-by: Bob <Bob@example.com>\n"},
		"the same author": {words{Lane: "l"}, []git.Commit{two, wordsBy("Bobby", "bob@EXAMPLE.com", "third")}, "Land l\n\n- second\n- third\n"},
		"nobody":          {words{Lane: "l"}, []git.Commit{one, wordsBy("", "x@example.com", "a"), wordsBy("X", "<>", "b")}, "Land l\n\n- first\n- a\n- b\n"},
		"a forged name":   {words{Lane: "l"}, []git.Commit{one, wordsBy("X <y>\nZ: z", "x@example.com>", "a")}, "Land l\n\n- first\n- a\n\nCo-authored-by: X y Z: z <x@example.com>\n"},
		"subject again":   {words{Lane: "l", Task: &state.Task{ID: 1, Subject: "first", Description: "first"}}, []git.Commit{one}, "first\n"},
	} {
		t.Run(name, func(t *testing.T) {
			c.words.Strategy = state.StrategySquash
			require.Equal(t, c.want, c.words.say(c.picks))
		})
	}
}

// A long lane is cut with the number of what is left out.
func TestSquashListsSoMany(t *testing.T) {
	var picks []git.Commit
	for range mostSubjects + 3 {
		picks = append(picks, wordsBy("Ann", "ann@example.com", "step"))
	}
	text := words{Lane: "l", Strategy: state.StrategySquash}.say(picks)
	require.Equal(t, mostSubjects, strings.Count(text, "- step\n"))
	require.Contains(t, text, "- … and 3 more\n")
}

func TestMergeWords(t *testing.T) {
	picks := []git.Commit{wordsBy("Ann", "a@example.com", "first"), wordsBy("Bob", "b@example.com", "second")}
	w := words{Lane: "l", Target: "main", Strategy: state.StrategyMerge, Trailers: []string{"Wt-Task: {task}"}}
	require.Equal(t, "Merge l into main\n", w.say(picks))
	w.Task = &state.Task{ID: 3, Subject: "Do\tit"}
	require.Equal(t, "Merge l: Do it\n\nWt-Task: 3\n", w.say(picks))
	w.Message = "Bring it in\n\nWt-Task: 3"
	require.Equal(t, "Bring it in\n\nWt-Task: 3\n", w.say(picks))
	w.Undo = &state.Landing{ID: "x-1", Name: "l", After: "abc"}
	require.Equal(t, "Undo the landing of l\n\nThis takes back what came with abc, as landing x-1.\n", w.say(picks))
}

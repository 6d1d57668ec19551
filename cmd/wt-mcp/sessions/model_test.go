package sessions_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// step is a call that a script makes. In args CLAIM and LANE stand for the claim and
// the worktree that the model was shown last.
type step struct{ tool, args string }

// model plays scripts to one client. A prompt names its script as play:NAME, so that a
// sub-agent has one of its own. It keeps nothing of where a script is: a request holds
// the whole conversation, and its next step follows from that; a request that the
// client repeats does no harm.
type model struct {
	url     string
	scripts map[string][]step

	mu     sync.Mutex
	past   map[string]conversation // by script, as of the longest request
	faults []string                // what a model cannot do with what it was given
}

// conversation is what a request of any dialect holds.
type conversation struct {
	raw   string // the request
	said  string // the messages, as they stand in the request
	tools []offer
	turn  int      // how often the model has called already
	shown []string // the results of those calls
}

// offer is a tool that a client offers its model.
type offer struct {
	name, space, description string
}

// offered is a tool by its own name, under the name that the client gives it.
func (c conversation) offered(tool string) (offer, bool) {
	for _, o := range c.tools {
		if o.name == tool || strings.HasSuffix(o.name, "_"+tool) {
			return o, true
		}
	}
	return offer{}, false
}

// reply is what the model answers: words, or a call.
type reply struct {
	text, id, tool, space string
	args                  json.RawMessage
}

func (r reply) calls() bool { return r.tool != "" }

// dialect is how a client speaks with its model.
type dialect struct {
	path string // how the path of a request for an answer ends
	read func(body []byte) (conversation, error)
	// write answers with a stream of events; each has its type if named.
	write func(r reply) []map[string]any
	named bool
}

func newModel(t *testing.T, d dialect, scripts map[string][]step) *model {
	t.Helper()
	m := &model{scripts: scripts, past: map[string]conversation{}}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { m.serve(w, r, d) }))
	t.Cleanup(s.Close)
	m.url = s.URL
	return m
}

func (m *model) serve(w http.ResponseWriter, r *http.Request, d dialect) {
	body, err := io.ReadAll(r.Body)
	if err != nil || r.Method != http.MethodPost || !strings.HasSuffix(r.URL.Path, d.path) {
		http.Error(w, `{"error":{"type":"not_found_error","message":"a script serves nothing else"}}`, http.StatusNotFound)
		return
	}
	c, err := d.read(body)
	if err != nil {
		m.fault("a request that cannot be read: %v", err)
		http.Error(w, "{}", http.StatusBadRequest)
		return
	}
	c.raw = string(body)
	w.Header().Set("Content-Type", "text/event-stream")
	for _, e := range d.write(m.next(c)) {
		data, _ := json.Marshal(e)
		if d.named {
			fmt.Fprintf(w, "event: %s\n", e["type"])
		}
		fmt.Fprintf(w, "data: %s\n\n", data)
	}
}

var scriptName = regexp.MustCompile(`play:([a-z]+)`)

// next is the step that follows on a conversation. Requests without tools, for titles
// and summaries, get a word.
func (m *model) next(c conversation) reply {
	m.mu.Lock()
	defer m.mu.Unlock()
	name := scriptName.FindStringSubmatch(c.said)
	if name == nil || len(c.tools) == 0 {
		return reply{text: "ok"}
	}
	script := m.scripts[name[1]]
	if past, ok := m.past[name[1]]; !ok || len(c.shown) >= len(past.shown) {
		m.past[name[1]] = c
	}
	if c.turn >= len(script) {
		return reply{text: "done"}
	}
	s := script[c.turn]
	if o, ok := c.offered(s.tool); ok {
		return reply{id: fmt.Sprintf("call_%s_%d", name[1], c.turn), tool: o.name, space: o.space, args: json.RawMessage(fill(s.args, c.shown))}
	}
	m.faults = append(m.faults, fmt.Sprintf("step %d: no tool %s among the %d offered", c.turn+1, s.tool, len(c.tools)))
	return reply{text: "there is no " + s.tool}
}

func (m *model) fault(format string, args ...any) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.faults = append(m.faults, fmt.Sprintf(format, args...))
}

// played is the conversation of a script, and what went wrong with any.
func (m *model) played(script string) (conversation, []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.past[script], m.faults
}

// remembered are the words in a step's arguments that stand for what the model was
// shown last of that form.
func remembered() map[string]*regexp.Regexp {
	return map[string]*regexp.Regexp{
		"CLAIM": regexp.MustCompile(`\b(\d+-\d+-[a-z2-7]{16})\b`),
		"AGENT": regexp.MustCompile(`"agent_id":"([^"]+)"`), // of Codex
		"LANE":  regexp.MustCompile(`/\.worktrees/([a-z0-9-]+)`),
	}
}

func fill(args string, shown []string) string {
	for word, form := range remembered() {
		all := form.FindAllStringSubmatch(strings.Join(shown, "\n"), -1)
		if len(all) > 0 {
			args = strings.ReplaceAll(args, word, all[len(all)-1][1])
		}
	}
	return args
}

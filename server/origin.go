package server

import (
	"regexp"
	"strings"

	"github.com/mark3labs/mcp-go/mcp"
)

// origin is who calls, as far as a client tells those apart that share its connection:
// the session, and the thread of it, such as a sub-agent's. What is not known is empty.
type origin struct{ session, thread string }

// Identifiers are taken from clients only in this form: they are told to others.
var identifier = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$`)

// originOf is what the _meta of a call says, and what the client told when it started
// the server. What is in no such form is as if it were not there.
func originOf(client, started string, meta *mcp.Meta) origin {
	var o origin
	if strings.HasPrefix(client, "claude-code") && identifier.MatchString(started) {
		o.session = started // others may have inherited it
	}
	if meta == nil {
		return o
	}
	turn, _ := meta.AdditionalFields["x-codex-turn-metadata"].(map[string]any)
	o.session = firstID(turn["session_id"], meta.AdditionalFields["sessionId"], o.session)
	o.thread = firstID(turn["thread_id"], meta.AdditionalFields["threadId"])
	return o
}

func firstID(values ...any) string {
	for _, value := range values {
		if id, ok := value.(string); ok && identifier.MatchString(id) {
			return id
		}
	}
	return ""
}

// actor is the client's name with what tells the caller apart in short, where that is
// known: codex-mcp-client/5d1c0e9b. It is the end of the thread's or the session's
// identifier, as some begin with the time.
func (o origin) actor(client string) string {
	id := o.thread
	if id == "" {
		id = o.session
	}
	if id == "" {
		return client
	}
	return client + "/" + id[max(0, len(id)-8):]
}

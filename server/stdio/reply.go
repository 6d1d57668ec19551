package stdio

import (
	"encoding/json"
	"fmt"

	"github.com/mark3labs/mcp-go/mcp"
)

// fault is an error answer of the transport's own.
type fault struct {
	id   json.RawMessage // nil: null
	code int
	text string
}

func (f *fault) line() []byte {
	details, _ := json.Marshal(mcp.JSONRPCErrorDetails{Code: f.code, Message: f.text})
	return replyLine(f.id, "error", details)
}

func internalFault(id json.RawMessage) *fault {
	return &fault{id: id, code: mcp.INTERNAL_ERROR, text: "internal error: the server's log has the details"}
}

func replyLine(id json.RawMessage, kind string, body []byte) []byte {
	if id == nil {
		id = json.RawMessage("null")
	}
	text := make([]byte, 0, len(id)+len(body)+48)
	text = append(append(text, `{"jsonrpc":"2.0","id":`...), id...)
	text = append(append(append(text, `,"`...), kind...), `":`...)
	return append(append(text, body...), '}', '\n')
}

// encodeReply makes the line that answers r from what mcp-go returned.
func encodeReply(r *request, response mcp.JSONRPCMessage) ([]byte, error) {
	switch answer := response.(type) {
	case mcp.JSONRPCResponse:
		return encodeResult(r, answer.Result)
	case *mcp.JSONRPCResponse:
		return encodeResult(r, answer.Result)
	case mcp.JSONRPCError:
		return encodeError(r, answer.Error)
	case *mcp.JSONRPCError:
		return encodeError(r, answer.Error)
	}
	return nil, fmt.Errorf("unexpected response %T", response)
}

func encodeResult(r *request, result any) ([]byte, error) {
	if closing, ok := result.(mcp.SubscriptionsListenResult); ok {
		closing.EnsureResultMeta().SetSubscriptionID(r.id)
		result = closing
	}
	body, err := encode(result)
	if err != nil {
		return nil, fmt.Errorf("encode result: %w", err)
	}
	return replyLine(r.id, "result", body), nil
}

func encodeError(r *request, details mcp.JSONRPCErrorDetails) ([]byte, error) {
	body, err := encode(details)
	if err != nil {
		return nil, fmt.Errorf("encode error: %w", err)
	}
	return replyLine(r.id, "error", body), nil
}

// encodeNotification makes the line of a notification.
func encodeNotification(n mcp.JSONRPCNotification) ([]byte, error) {
	body, err := encode(n)
	if err != nil {
		return nil, fmt.Errorf("encode notification: %w", err)
	}
	return append(body, '\n'), nil
}

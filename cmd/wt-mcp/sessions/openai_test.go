package sessions_test

import (
	"encoding/json"
	"strings"
)

// responses is the dialect of Codex: OpenAI's Responses.
func responses() dialect {
	return dialect{path: "/responses", read: readResponses, write: writeResponses, named: true}
}

func readResponses(body []byte) (c conversation, err error) {
	var request struct{ Input, Tools json.RawMessage }
	if err := json.Unmarshal(body, &request); err != nil {
		return c, err
	}
	c.said = string(request.Input)
	if c.tools, err = namespaces(request.Tools); err != nil {
		return c, err
	}
	var items []struct {
		Type   string
		Output json.RawMessage
	}
	err = json.Unmarshal(request.Input, &items)
	for _, item := range items {
		switch item.Type {
		case "function_call":
			c.turn++
		case "function_call_output":
			c.shown = append(c.shown, text(item.Output))
		}
	}
	return c, err
}

// namespaces reads tools that are offered by themselves, and those in namespaces.
func namespaces(raw json.RawMessage) ([]offer, error) {
	var spaces []struct {
		Type, Name string
		Tools      []json.RawMessage
	}
	var list []json.RawMessage
	if len(raw) == 0 {
		return nil, nil
	}
	if err := json.Unmarshal(raw, &spaces); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, err
	}
	var all []offer
	for i, s := range spaces {
		if s.Type == "namespace" {
			all = append(all, offers(s.Name, s.Tools)...)
		} else {
			all = append(all, offers("", list[i:i+1])...)
		}
	}
	return all, nil
}

func writeResponses(r reply) []map[string]any {
	item := map[string]any{"type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
		"content": []any{map[string]any{"type": "output_text", "text": r.text, "annotations": []any{}}}}
	if r.calls() {
		item = map[string]any{"type": "function_call", "id": "fc_" + r.id, "call_id": r.id, "name": r.tool, "arguments": string(r.args), "status": "completed"}
		if r.space != "" {
			item["namespace"] = r.space
		}
	}
	response := func(status string, output ...any) map[string]any {
		return map[string]any{"id": "resp_1", "object": "response", "created_at": 1, "status": status, "model": "scripted", "output": append([]any{}, output...),
			"usage": map[string]any{"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}}
	}
	events := []map[string]any{
		{"type": "response.created", "response": response("in_progress")},
		{"type": "response.output_item.added", "output_index": 0, "item": item},
		{"type": "response.output_item.done", "output_index": 0, "item": item},
		{"type": "response.completed", "response": response("completed", item)},
	}
	for i := range events {
		events[i]["sequence_number"] = i
	}
	return events
}

// chat is the dialect of opencode: OpenAI's chat completions.
func chat() dialect {
	return dialect{path: "/chat/completions", read: readChat, write: writeChat}
}

func readChat(body []byte) (c conversation, err error) {
	var request struct {
		Messages []struct {
			Role      string
			Content   json.RawMessage
			ToolCalls []json.RawMessage `json:"tool_calls"`
		}
		Tools []struct{ Function json.RawMessage }
	}
	if err := json.Unmarshal(body, &request); err != nil {
		return c, err
	}
	for _, t := range request.Tools {
		c.tools = append(c.tools, offers("", []json.RawMessage{t.Function})...)
	}
	var said strings.Builder
	for _, m := range request.Messages {
		c.turn += len(m.ToolCalls)
		switch m.Role {
		case "user":
			said.Write(m.Content)
		case "tool":
			c.shown = append(c.shown, text(m.Content))
		}
	}
	c.said = said.String()
	return c, nil
}

func writeChat(r reply) []map[string]any {
	delta, finish := map[string]any{"role": "assistant", "content": r.text}, "stop"
	if r.calls() {
		delta, finish = map[string]any{"role": "assistant", "tool_calls": []any{map[string]any{"index": 0, "id": r.id, "type": "function",
			"function": map[string]any{"name": r.tool, "arguments": string(r.args)}}}}, "tool_calls"
	}
	chunk := func(delta map[string]any, finish any) map[string]any {
		return map[string]any{"id": "chat_1", "object": "chat.completion.chunk", "created": 1, "model": "scripted",
			"choices": []any{map[string]any{"index": 0, "delta": delta, "finish_reason": finish}},
			"usage":   map[string]any{"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}}
	}
	return []map[string]any{chunk(delta, nil), chunk(map[string]any{}, finish)}
}

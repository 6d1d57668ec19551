package sessions_test

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
)

// text is what a content says in any dialect: a string, something with a text, or a
// list of such; other things say their JSON.
func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) == nil {
		parts := make([]string, len(list))
		for i, part := range list {
			parts[i] = text(part)
		}
		return strings.Join(parts, "\n")
	}
	var block struct{ Text *string }
	if json.Unmarshal(raw, &block) == nil && block.Text != nil {
		return *block.Text
	}
	var b bytes.Buffer
	if json.Compact(&b, raw) != nil {
		return string(raw)
	}
	return b.String()
}

// offers reads tools, each as JSON with name and description, of one namespace.
func offers(space string, list []json.RawMessage) []offer {
	var all []offer
	for _, raw := range list {
		var tool struct{ Name, Description string }
		if json.Unmarshal(raw, &tool) == nil && tool.Name != "" {
			all = append(all, offer{tool.Name, space, tool.Description})
		}
	}
	return all
}

// anthropic is the dialect of Claude Code: Messages.
func anthropic() dialect {
	return dialect{path: "/messages", read: readMessages, write: writeMessages, named: true}
}

func readMessages(body []byte) (c conversation, err error) {
	var request struct {
		Messages json.RawMessage
		Tools    []json.RawMessage
	}
	if err := json.Unmarshal(body, &request); err != nil {
		return c, err
	}
	c = conversation{said: string(request.Messages), tools: offers("", request.Tools)}
	var messages []struct{ Content json.RawMessage }
	if err := json.Unmarshal(request.Messages, &messages); err != nil {
		return c, err
	}
	for _, m := range messages {
		var blocks []struct {
			Type    string
			Content json.RawMessage
			IsError bool `json:"is_error"`
		}
		if json.Unmarshal(m.Content, &blocks) != nil {
			continue // a string: words only
		}
		for _, b := range blocks {
			switch {
			case b.Type == "tool_use":
				c.turn++
			case b.Type == "tool_result" && b.IsError:
				c.shown = append(c.shown, "(is_error) "+own(text(b.Content)))
			case b.Type == "tool_result":
				c.shown = append(c.shown, own(text(b.Content)))
			}
		}
	}
	return c, nil
}

var reminder = regexp.MustCompile(`(?s)\n*<system-reminder>.*?</system-reminder>`)

// own is a result without what Claude Code adds of its own: tokens left, its to-do list.
func own(shown string) string { return reminder.ReplaceAllString(shown, "") }

func writeMessages(r reply) []map[string]any {
	start, delta, stop := map[string]any{"type": "text", "text": ""}, map[string]any{"type": "text_delta", "text": r.text}, "end_turn"
	if r.calls() {
		start = map[string]any{"type": "tool_use", "id": "toolu_" + r.id, "name": r.tool, "input": map[string]any{}}
		delta, stop = map[string]any{"type": "input_json_delta", "partial_json": string(r.args)}, "tool_use"
	}
	return []map[string]any{
		{"type": "message_start", "message": map[string]any{"id": "msg_1", "type": "message", "role": "assistant", "model": "scripted", "content": []any{},
			"stop_reason": nil, "stop_sequence": nil, "usage": map[string]any{"input_tokens": 1, "output_tokens": 1}}},
		{"type": "content_block_start", "index": 0, "content_block": start},
		{"type": "content_block_delta", "index": 0, "delta": delta},
		{"type": "content_block_stop", "index": 0},
		{"type": "message_delta", "delta": map[string]any{"stop_reason": stop, "stop_sequence": nil}, "usage": map[string]any{"output_tokens": 1}},
		{"type": "message_stop"},
	}
}

// gemini is the dialect of Gemini CLI: generateContent.
func gemini() dialect {
	return dialect{path: ":streamGenerateContent", read: readContents, write: writeContents}
}

func readContents(body []byte) (c conversation, err error) {
	var request struct {
		Contents json.RawMessage
		Tools    []struct{ FunctionDeclarations []json.RawMessage }
	}
	if err := json.Unmarshal(body, &request); err != nil {
		return c, err
	}
	c.said = string(request.Contents)
	for _, t := range request.Tools {
		c.tools = append(c.tools, offers("", t.FunctionDeclarations)...)
	}
	var contents []struct {
		Parts []struct {
			FunctionCall     json.RawMessage
			FunctionResponse *struct {
				Response struct{ Output, Error json.RawMessage }
			}
		}
	}
	err = json.Unmarshal(request.Contents, &contents)
	for _, content := range contents {
		for _, p := range content.Parts {
			switch {
			case p.FunctionCall != nil:
				c.turn++
			case p.FunctionResponse != nil && p.FunctionResponse.Response.Error != nil:
				c.shown = append(c.shown, "(error) "+text(p.FunctionResponse.Response.Error))
			case p.FunctionResponse != nil:
				c.shown = append(c.shown, text(p.FunctionResponse.Response.Output))
			}
		}
	}
	return c, err
}

func writeContents(r reply) []map[string]any {
	part := map[string]any{"text": r.text}
	if r.calls() {
		part = map[string]any{"functionCall": map[string]any{"id": r.id, "name": r.tool, "args": r.args}}
	}
	return []map[string]any{{
		"candidates":    []any{map[string]any{"index": 0, "finishReason": "STOP", "content": map[string]any{"role": "model", "parts": []any{part}}}},
		"usageMetadata": map[string]any{"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2},
		"modelVersion":  "scripted",
	}}
}

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/google/jsonschema-go/jsonschema"
)

// result is the answer to a tools/call.
type result struct {
	Content []struct {
		Type string `json:"type"`
		Text string `json:"text"`
	} `json:"content"`
	Structured json.RawMessage            `json:"structuredContent"`
	IsError    bool                       `json:"isError"`
	ResultType string                     `json:"resultType"`
	Meta       map[string]json.RawMessage `json:"_meta"`
}

func (r result) text() string { return r.Content[0].Text }

// toolError is _meta["wt-mcp/error"].
type toolError struct {
	Code    string         `json:"code"`
	Message string         `json:"message"`
	Hint    string         `json:"hint"`
	Details map[string]any `json:"-"`
}

func (r result) failure() (e toolError, err error) {
	raw := r.Meta["wt-mcp/error"]
	if err := json.Unmarshal(raw, &e); err != nil {
		return e, fmt.Errorf(`_meta["wt-mcp/error"]: %w`, err)
	}
	if err := json.Unmarshal(raw, &e.Details); err != nil {
		return e, err
	}
	for _, key := range []string{"code", "message", "hint"} {
		delete(e.Details, key)
	}
	return e, nil
}

// codes are those of the client contract.
var codes = []string{"invalid_argument", "not_found", "already_exists", "conflict", "claim_held", "claim_lost", "blocked", "dirty",
	"unmerged", "unproven", "in_use", "busy", "corrupt", "read_only", "not_a_repository", "git", "timeout", "cancelled", "internal"}

// The budgets of one result: what a call gets that did not ask for more, and
// one that did.
const (
	budget     = 8 << 10
	longBudget = 50_000
)

// toolSchemas are the output schemas that the server listed.
type toolSchemas map[string]*jsonschema.Resolved

func readSchemas(list json.RawMessage) (toolSchemas, error) {
	var page struct {
		NextCursor string `json:"nextCursor"`
		Tools      []struct {
			Name         string             `json:"name"`
			OutputSchema *jsonschema.Schema `json:"outputSchema"`
		} `json:"tools"`
	}
	if err := json.Unmarshal(list, &page); err != nil {
		return nil, err
	}
	if page.NextCursor != "" {
		return nil, errors.New("tools/list has a second page, which older clients do not read")
	}
	schemas := toolSchemas{}
	for _, t := range page.Tools {
		if t.OutputSchema == nil {
			return nil, fmt.Errorf("tool %s has no output schema", t.Name)
		}
		resolved, err := t.OutputSchema.Resolve(nil)
		if err != nil {
			return nil, fmt.Errorf("output schema of %s: %w", t.Name, err)
		}
		schemas[t.Name] = resolved
	}
	return schemas, nil
}

// check holds the answer to a call to the client contract.
func (s toolSchemas) check(tool, args string, r result, modern bool) error {
	if len(r.Content) != 1 || r.Content[0].Type != "text" || r.text() == "" {
		return errors.New("content must be one text that is not empty")
	}
	if modern && r.ResultType != "complete" {
		return fmt.Errorf("resultType must be complete, it is %q", r.ResultType)
	}
	if !modern && r.ResultType != "" {
		return fmt.Errorf("resultType %q in the legacy era", r.ResultType)
	}
	if bad := disguise(r.text()); bad != "" {
		return fmt.Errorf("the text has %s", bad)
	}
	limit := budget
	if strings.Contains(args, `"limit"`) || tool == "task_get" {
		limit = longBudget
	}
	if n := utf8.RuneCountInString(r.text()); n > limit {
		return fmt.Errorf("the text has %d characters, the budget is %d", n, limit)
	}
	if r.IsError {
		return checkFailure(r)
	}
	return s.checkStructure(tool, r, limit)
}

func (s toolSchemas) checkStructure(tool string, r result, limit int) error {
	if r.Structured == nil {
		return errors.New("structuredContent is missing")
	}
	if _, failed := r.Meta["wt-mcp/error"]; failed {
		return errors.New("a success with an error in _meta")
	}
	schema := s[tool]
	if schema == nil {
		return fmt.Errorf("a success of a tool that is not listed")
	}
	var v any
	if err := json.Unmarshal(r.Structured, &v); err != nil {
		return err
	}
	if err := schema.Validate(v); err != nil {
		return fmt.Errorf("structuredContent does not fit the output schema: %w", err)
	}
	// What a client shows its model: the text again, with quotes and the names of its fields.
	if n := len(mustJSON(v)); n > limit+budget/2 {
		return fmt.Errorf("structuredContent has %d bytes, the budget is %d", n, limit)
	}
	return nil
}

var firstLine = regexp.MustCompile(`^error\[([a-z_]+)\]: (.+)$`)

func checkFailure(r result) error {
	if r.Structured != nil {
		return errors.New("an error with structuredContent")
	}
	e, err := r.failure()
	if err != nil {
		return err
	}
	line, rest, _ := strings.Cut(r.text(), "\n")
	parts := firstLine.FindStringSubmatch(line)
	switch {
	case parts == nil:
		return fmt.Errorf("the first line of an error must be error[code]: message, it is %q", line)
	case !slices.Contains(codes, parts[1]):
		return fmt.Errorf("code %q is not in the contract", parts[1])
	case e.Code != parts[1] || e.Message != parts[2] || e.Hint != rest:
		return fmt.Errorf(`text and _meta["wt-mcp/error"] differ: %q, %+v`, r.text(), e)
	}
	return nil
}

// disguise says which character of a text could disguise another line.
func disguise(text string) string {
	if !utf8.ValidString(text) {
		return "invalid UTF-8"
	}
	for i, r := range text {
		bidi := r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 || r == 0x200e || r == 0x200f || r == 0x061c
		if r != '\n' && r != '\t' && unicode.IsControl(r) || bidi || r == 0x2028 || r == 0x2029 {
			return fmt.Sprintf("U+%04X at byte %d", r, i)
		}
	}
	return ""
}

func checkInitialize(answer json.RawMessage) error {
	var a struct {
		ProtocolVersion string `json:"protocolVersion"`
		ServerInfo      struct{ Name string }
		Capabilities    map[string]any `json:"capabilities"`
		Instructions    string         `json:"instructions"`
	}
	if err := json.Unmarshal(answer, &a); err != nil {
		return err
	}
	_, hasTools := a.Capabilities["tools"]
	if a.ProtocolVersion != legacyVersion || a.ServerInfo.Name != "wt-mcp" || !hasTools || a.Instructions == "" {
		return fmt.Errorf("initialize: %s", answer)
	}
	return nil
}

func checkDiscover(answer json.RawMessage) error {
	var a struct {
		ResultType        string         `json:"resultType"`
		SupportedVersions []string       `json:"supportedVersions"`
		Capabilities      map[string]any `json:"capabilities"`
		Instructions      string         `json:"instructions"`
		TTL               *float64       `json:"ttlMs"`
		CacheScope        string         `json:"cacheScope"`
	}
	if err := json.Unmarshal(answer, &a); err != nil {
		return err
	}
	_, hasTools := a.Capabilities["tools"]
	if a.ResultType != "complete" || !slices.Contains(a.SupportedVersions, modernVersion) || !hasTools || a.Instructions == "" ||
		a.TTL == nil || a.CacheScope == "" {
		return fmt.Errorf("server/discover: %s", answer)
	}
	return nil
}

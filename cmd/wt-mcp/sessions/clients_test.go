package sessions_test

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// client is a coding agent of npm.
type client struct {
	name, pkg string
	binary    string // below node_modules, a pattern
	dialect   func() dialect
	// command is how it takes one prompt without a person; configuration goes below home.
	command func(s *seat, prompt string) (args, env []string)
}

func clients() []client {
	return []client{
		{"claude-code", "@anthropic-ai/claude-code", "@anthropic-ai/claude-code-*/claude", anthropic, claudeCode},
		{"codex", "@openai/codex", "@openai/codex/bin/codex.js", responses, codex},
		{"opencode", "opencode-ai", "opencode-*/bin/opencode", chat, opencode},
		{"gemini", "@google/gemini-cli", "@google/gemini-cli/bundle/gemini.js", gemini, geminiCLI},
	}
}

// seat is a client at work: in a repository, with a home and a model of its own.
type seat struct {
	t          *testing.T
	client     client
	repo, home string
	model      *model
}

func (c client) sit(t *testing.T, repo string, scripts map[string][]step) *seat {
	t.Helper()
	return &seat{t: t, client: c, repo: repo, home: t.TempDir(), model: newModel(t, c.dialect(), scripts)}
}

// entry is the program that npm installed; the test is skipped if there is none.
func (c client) entry(t *testing.T) string {
	t.Helper()
	if *clientsDir == "" {
		t.Skip("no -clients: they come from npm")
	}
	found, err := filepath.Glob(filepath.Join(*clientsDir, "node_modules", filepath.FromSlash(c.binary)))
	require.NoError(t, err)
	if len(found) == 0 {
		t.Skipf("npm installed no %s for this system", c.pkg)
	}
	return found[0]
}

// version is what npm installed of it.
func (c client) version(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(*clientsDir, "node_modules", filepath.FromSlash(c.pkg), "package.json"))
	require.NoError(t, err)
	var manifest struct{ Version string }
	require.NoError(t, json.Unmarshal(data, &manifest))
	return manifest.Version
}

const sessionTime = 180 * time.Second

// play has the client take its prompt and go on until its script is over.
func (s *seat) play(prompt string) {
	s.t.Helper()
	entry := s.client.entry(s.t)
	args, env := s.client.command(s, prompt)
	if strings.HasSuffix(entry, ".js") {
		entry, args = "node", append([]string{entry}, args...)
	}
	ctx, cancel := context.WithTimeout(s.t.Context(), sessionTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, entry, args...)
	cmd.Dir, cmd.Env, cmd.WaitDelay = s.repo, append(s.environment(), env...), 5*time.Second
	began := time.Now()
	out, err := cmd.CombinedOutput()
	require.NoError(s.t, err, "%s %v: %s", s.client.name, args, out)
	s.t.Logf("%s: %.1f s", s.client.name, time.Since(began).Seconds())
	_, faults := s.model.played("")
	require.Empty(s.t, faults, "%s", out)
}

// environment is that of a person's shell, with nothing of this machine's but the path,
// and with no way out but loopback.
func (s *seat) environment() []string {
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + s.home, "LANG=C.UTF-8", "TERM=dumb", "NO_COLOR=1", "CI=1",
		"XDG_CONFIG_HOME=" + s.home + "/.config", "XDG_DATA_HOME=" + s.home + "/.local/share", "XDG_CACHE_HOME=" + s.home + "/.cache", "XDG_STATE_HOME=" + s.home + "/.local/state",
		"GIT_CONFIG_NOSYSTEM=1", "HTTPS_PROXY=http://127.0.0.1:9", "NO_PROXY=127.0.0.1,localhost", "no_proxy=127.0.0.1,localhost",
	}
}

// write writes a file of the client's home.
func (s *seat) write(name, content string) string {
	s.t.Helper()
	path := filepath.Join(s.home, name)
	require.NoError(s.t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(s.t, os.WriteFile(path, []byte(content), 0o644))
	return path
}

// writeJSON writes a value as such a file.
func (s *seat) writeJSON(name string, value any) string {
	s.t.Helper()
	data, err := json.Marshal(value)
	require.NoError(s.t, err)
	return s.write(name, string(data))
}

type object = map[string]any

// claudeCode waits for the server and loads every tool, as alwaysLoad says.
func claudeCode(s *seat, prompt string) (args, env []string) {
	return claudeCodeWith(s, prompt, object{"wt": object{"command": *program, "args": []string{"serve"}, "alwaysLoad": true}})
}

// stockClaudeCode has the configuration that we hand out.
func stockClaudeCode(s *seat, prompt string) (args, env []string) {
	data, err := os.ReadFile("../../../examples/claude-code/.mcp.json")
	require.NoError(s.t, err)
	var example struct{ MCPServers map[string]object }
	require.NoError(s.t, json.Unmarshal(data, &example))
	require.Equal(s.t, "wt-mcp", example.MCPServers["wt"]["command"])
	example.MCPServers["wt"]["command"] = *program
	return claudeCodeWith(s, prompt, object{"wt": example.MCPServers["wt"]})
}

func claudeCodeWith(s *seat, prompt string, servers object) (args, env []string) {
	config := s.writeJSON("mcp.json", object{"mcpServers": servers})
	return []string{"-p", prompt, "--model", "claude-sonnet-4-5", "--mcp-config", config, "--strict-mcp-config", "--allowedTools", "mcp__wt", "Agent", "ToolSearch"},
		[]string{"ANTHROPIC_BASE_URL=" + s.model.url, "ANTHROPIC_API_KEY=loopback", "CLAUDE_CONFIG_DIR=" + s.home + "/.claude",
			"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1", "DISABLE_AUTOUPDATER=1", "DISABLE_TELEMETRY=1"}
}

func codex(s *seat, prompt string) (args, env []string) {
	s.write(".codex/config.toml", `model = "scripted"
model_provider = "loopback"
approval_policy = "never"
sandbox_mode = "workspace-write"

[model_providers.loopback]
name = "loopback"
base_url = "`+s.model.url+`/v1"
wire_api = "responses"

[mcp_servers.wt]
command = '`+*program+`'
args = ["serve"]
default_tools_approval_mode = "approve"
`)
	return []string{"exec", "--skip-git-repo-check", prompt}, []string{"CODEX_HOME=" + s.home + "/.codex"}
}

func opencode(s *seat, prompt string) (args, env []string) {
	config := s.writeJSON("opencode.json", object{
		"model": "loopback/scripted", "small_model": "loopback/scripted", "autoupdate": false, "share": "disabled", "snapshot": false, "lsp": false, "formatter": false,
		"provider": object{"loopback": object{"npm": "@ai-sdk/openai-compatible", "name": "loopback",
			"options": object{"baseURL": s.model.url + "/v1", "apiKey": "loopback"},
			"models":  object{"scripted": object{"name": "scripted", "tool_call": true}}}},
		"mcp": object{"wt": object{"type": "local", "command": []string{*program, "serve"}, "enabled": true}},
	})
	return []string{"run", prompt}, []string{"OPENCODE_CONFIG=" + config, "OPENCODE_DISABLE_MODELS_FETCH=1", "OPENCODE_DISABLE_AUTOUPDATE=1",
		"OPENCODE_DISABLE_DEFAULT_PLUGINS=1", "OPENCODE_DISABLE_LSP_DOWNLOAD=1"}
}

func geminiCLI(s *seat, prompt string) (args, env []string) {
	s.writeJSON(".gemini/settings.json", object{
		"mcpServers": object{"wt": object{"command": *program, "args": []string{"serve"}, "trust": true}},
		"security":   object{"auth": object{"selectedType": "gemini-api-key"}, "folderTrust": object{"enabled": false}},
		"general":    object{"enableAutoUpdate": false}, "privacy": object{"usageStatisticsEnabled": false}, "telemetry": object{"enabled": false},
		"model": object{"skipNextSpeakerCheck": true, "disableLoopDetection": true},
	})
	return []string{"-m", "gemini-2.5-pro", "--approval-mode", "yolo", "-p", prompt},
		[]string{"GEMINI_API_KEY=loopback", "GOOGLE_GEMINI_BASE_URL=" + s.model.url, "GEMINI_CLI_TRUST_WORKSPACE=true"}
}

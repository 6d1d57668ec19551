package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/mark3labs/mcp-go/client"
	"github.com/mark3labs/mcp-go/client/transport"
	"github.com/mark3labs/mcp-go/mcp"
)

func demoCommand(p *program) command {
	return command{
		name: "demo", summary: "play a session on a scratch repository, step by step",
		run: func(ctx context.Context, _ []string) error { return p.demo(ctx) },
	}
}

// demo plays a session of the product's main job on a scratch repository, with
// this very program as the server, over stdio. It fails if any answer is not
// what it must be, and leaves nothing behind.
func (p *program) demo(ctx context.Context) (err error) {
	dir, err := os.MkdirTemp("", "wt-mcp-demo-")
	if err != nil {
		return fmt.Errorf("make scratch directory: %w; set TMPDIR to a directory that takes new files", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	repo := filepath.Join(dir, "shop")
	if err := scratchRepository(ctx, repo); err != nil {
		return err
	}
	d := &demonstration{program: p, paint: painter(p.stdout), repo: repo, last: placeholders{}}
	d.say("%s\n", d.paint.bold("wt-mcp demo"))
	d.say("A scratch repository, the real server as a child process, a session over stdio.\n")
	if err := d.connect(ctx); err != nil {
		return err
	}
	defer d.client.Close()
	return d.play(ctx)
}

// scratchRepository makes a small repository with one commit, whatever the
// user's own git configuration says.
func scratchRepository(ctx context.Context, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make scratch repository: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "README.md"), []byte("# shop\n"), 0o644); err != nil {
		return fmt.Errorf("make scratch repository: %w", err)
	}
	for _, args := range [][]string{
		{"init", "--quiet", "--initial-branch=main"},
		{"add", "README.md"},
		{"config", "user.name", "demo"},
		{"config", "user.email", "demo@example.com"},
		{"config", "commit.gpgsign", "false"},
		{"config", "core.hooksPath", filepath.Join(dir, ".git", "hooks")},
		{"commit", "--quiet", "--message=Start"},
	} {
		cmd := exec.CommandContext(ctx, "git", args...)
		cmd.Dir, cmd.Env = dir, withoutGit(os.Environ())
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("git %s: %w: %s", args[0], err, out)
		}
	}
	return nil
}

// withoutGit drops the variables with which a hook would lead git astray.
func withoutGit(env []string) []string {
	var kept []string
	for _, v := range env {
		if !strings.HasPrefix(v, "GIT_") {
			kept = append(kept, v)
		}
	}
	return kept
}

type demonstration struct {
	*program
	paint  paint
	repo   string
	client *client.Client
	wrong  int
	calls  int
	spent  time.Duration

	last placeholders
}

func (d *demonstration) say(format string, args ...any) { fmt.Fprintf(d.stdout, format, args...) }

func (d *demonstration) connect(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	began := time.Now()
	d.client, err = client.NewStdioMCPClientWithOptions(self, nil, []string{"serve", "--toolsets", "all", "--repo", d.repo},
		transport.WithCommandFunc(func(ctx context.Context, command string, env, args []string) (*exec.Cmd, error) {
			cmd := exec.CommandContext(ctx, command, args...)
			cmd.Env = append(os.Environ(), env...)
			return cmd, nil
		}))
	if err != nil {
		return fmt.Errorf("start the server: %w", err)
	}
	hello := mcp.InitializeRequest{}
	hello.Params.ProtocolVersion = mcp.LATEST_PROTOCOL_VERSION
	hello.Params.ClientInfo = mcp.Implementation{Name: "demo", Version: version()}
	answer, err := d.client.Initialize(ctx, hello)
	if err != nil {
		return fmt.Errorf("initialize: %w", err)
	}
	list, err := d.client.ListTools(ctx, mcp.ListToolsRequest{})
	if err != nil {
		return fmt.Errorf("list tools: %w", err)
	}
	d.say("%s\n", d.paint.dim(fmt.Sprintf("connected to %s %s, protocol %s, %d tools, %.1f ms", answer.ServerInfo.Name,
		answer.ServerInfo.Version, answer.ProtocolVersion, len(list.Tools), milliseconds(time.Since(began)))))
	return nil
}

// play is the five-step session of the program that wt-mcp follows, and two more
// of what it adds.
func (d *demonstration) play(ctx context.Context) error {
	for i, s := range session() {
		d.say("\n%s\n", d.paint.bold(fmt.Sprintf("%d. %s", i+1, s.title)))
		for _, c := range s.calls {
			if err := d.do(ctx, c); err != nil {
				return err
			}
		}
	}
	if d.wrong > 0 {
		d.say("\n%s\n", d.paint.red(fmt.Sprintf("%d of %d answers are not what they must be", d.wrong, d.calls)))
		return errTold
	}
	d.say("\n%s\n", d.paint.green(fmt.Sprintf("all %d answers are as they must be, %.0f ms in all", d.calls, milliseconds(d.spent))))
	return nil
}

func (d *demonstration) do(ctx context.Context, c expectedCall) error {
	request := mcp.CallToolRequest{}
	args := d.last.in(c.args)
	request.Params.Name, request.Params.Arguments = c.tool, json.RawMessage(args)
	began := time.Now()
	result, err := d.client.CallTool(ctx, request)
	took := time.Since(began)
	if err != nil {
		return fmt.Errorf("%s: %w", c.tool, err)
	}
	d.calls, d.spent = d.calls+1, d.spent+took
	d.say("%s %s  %s\n", d.paint.cyan("→ "+c.tool), args, d.paint.dim(fmt.Sprintf("%.1f ms", milliseconds(took))))
	text := textOf(result)
	problem := c.check(result, text, d.last)
	d.last.note(result)
	d.say("  %s\n", strings.ReplaceAll(strings.ReplaceAll(text, d.repo, "…/shop"), "\n", "\n  "))
	if problem != "" {
		d.wrong++
		d.say("  %s\n", d.paint.red("✗ "+problem))
	}
	return nil
}

// placeholders are the snapshot and the landing that answers named last.
type placeholders map[string]string

func (n placeholders) note(result *mcp.CallToolResult) {
	answer, _ := result.StructuredContent.(map[string]any)
	for _, key := range []string{"snapshot", "landing"} {
		if id, ok := answer[key].(string); ok {
			n[strings.ToUpper(key)] = id
		}
	}
}

// in puts them into a text.
func (n placeholders) in(text string) string {
	for placeholder, id := range n {
		text = strings.ReplaceAll(text, placeholder, id)
	}
	return text
}

func milliseconds(t time.Duration) float64 { return float64(t.Microseconds()) / 1000 }

func textOf(result *mcp.CallToolResult) string {
	var parts []string
	for _, c := range result.Content {
		if text, ok := c.(mcp.TextContent); ok {
			parts = append(parts, text.Text)
		}
	}
	return strings.Join(parts, "\n")
}

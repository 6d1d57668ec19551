package stdio

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	mcpserver "github.com/mark3labs/mcp-go/server"
	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "rewrite the server's lines in testdata/*.txtar")

// TestTranscripts plays conversations: "> " is a line of the client, "< " the next
// line of the server. Each file of an archive is a conversation of its own, at
// whose end the server must have nothing more to say.
func TestTranscripts(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txtar")
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	for _, path := range paths {
		archive, err := txtar.ParseFile(path)
		require.NoError(t, err)
		for i, file := range archive.Files {
			t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar")+"/"+file.Name, func(t *testing.T) {
				archive.Files[i].Data = play(t, file.Data)
			})
		}
		if *update {
			require.NoError(t, os.WriteFile(path, txtar.Format(archive), 0o644))
		}
	}
}

func play(t *testing.T, script []byte) []byte {
	srv := newBench(mcpserver.WithLogging(), mcpserver.WithToolCapabilities(true))
	p := serve(t, srv.MCPServer, Options{MaxMessage: 4096})
	var played strings.Builder
	for text := range strings.Lines(string(script)) {
		text = strings.TrimSuffix(text, "\n")
		if said, ok := strings.CutPrefix(text, "> "); ok {
			p.send(said)
		} else if want, ok := strings.CutPrefix(text, "< "); ok {
			got := p.next()
			text = "< " + got
			if !*update {
				require.Equal(t, want, got)
			}
		}
		played.WriteString(text + "\n")
	}
	require.NoError(t, p.hangUp())
	return []byte(played.String())
}

package git

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestHostInAddresses(t *testing.T) {
	for address, want := range map[string]string{
		"https://user:secret@github.com/a/b.git": "github.com",
		"ssh://git@example.org:2222/a":           "example.org",
		"git@gitlab.example.org:a/b.git":         "gitlab.example.org",
		"github.com:a/b":                         "github.com",
		"file:///srv/a.git":                      "",
		"/srv/a:b.git":                           "",
		"./a:b":                                  "",
		`C:\a`:                                   "",
		"C:/a":                                   "",
		"":                                       "",
	} {
		require.Equal(t, want, hostIn(address), address)
	}
}

// Whatever an address is, who logs in there does not get out with its host.
func FuzzHostIn(f *testing.F) {
	for _, address := range []string{"https://user:secret@github.com/a", "git@host:a", "a@b@c:d", "ssh://[::1]:22/a", "::", "://@"} {
		f.Add(address)
	}
	f.Fuzz(func(t *testing.T, address string) { require.NotContains(t, hostIn(address), "@") })
}

package files

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// This machine's own directories will do, and what is not there is not judged.
func TestNetworkFileSystems(t *testing.T) {
	require.NoError(t, CheckFileSystem(t.TempDir(), "/no/such/place"))
}

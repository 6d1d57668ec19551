package osfs

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMountNames(t *testing.T) {
	t.Parallel()
	require.Equal(t, "/a b\n\\c", unescapeMount(`/a\040b\012\134c`))
	require.Equal(t, `/a\0`, unescapeMount(`/a\0`))
}

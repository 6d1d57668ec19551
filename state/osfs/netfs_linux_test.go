package osfs

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// The numbers are those of statfs(2).
func TestNetworkFileSystems(t *testing.T) {
	for magic, want := range map[int64]string{0x6969: "NFS", 0xfe534d42: "SMB", 0x01021997: "9P", 0x65735546: "FUSE",
		0xef53: "", 0x01021994: "", 0x9123683e: "", 0x794c7630: ""} { // ext4, tmpfs, btrfs, overlayfs
		require.Equal(t, want, networkMagic(magic), "%#x", magic)
	}
	require.Empty(t, NetworkFS(t.TempDir()))
	require.Empty(t, NetworkFS("/no/such/place"))
}

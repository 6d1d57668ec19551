//go:build !unix

package disk

import "os"

func taken(info os.FileInfo) (bytes int64, id file, shared bool) {
	if info.IsDir() {
		return 0, id, false
	}
	return info.Size(), id, false
}

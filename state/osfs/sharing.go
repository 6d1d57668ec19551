package osfs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
)

// Sharing says who beside the user may use a repository's files: what git knows as
// core.sharedRepository. The zero value leaves that to the umask.
type Sharing struct {
	bits  fs.FileMode // what is allowed
	exact bool        // and nothing else
}

// ParseSharing reads the value of core.sharedRepository; "" stands for none.
func ParseSharing(value string) (Sharing, error) {
	const group, everybody = 0o660, 0o664
	switch strings.ToLower(value) {
	case "", "umask", "false", "no", "off", "0":
		return Sharing{}, nil
	case "group", "true", "yes", "on", "1":
		return Sharing{bits: group}, nil
	case "all", "world", "everybody", "2":
		return Sharing{bits: everybody}, nil
	}
	bits, err := strconv.ParseUint(value, 8, 32)
	if err != nil || bits&0o600 != 0o600 || bits > 0o777 {
		return Sharing{}, fmt.Errorf("core.sharedRepository is %q, which is no mode that lets its owner read and write", value)
	}
	return Sharing{bits: fs.FileMode(bits & 0o666), exact: true}, nil
}

// Shared reports whether anybody else is meant to use the files.
func (s Sharing) Shared() bool { return s.bits&0o066 != 0 }

// Mode is what the mode of a file or directory becomes.
func (s Sharing) Mode(mode fs.FileMode) fs.FileMode {
	if s.bits == 0 {
		return mode
	}
	bits := s.bits
	if mode&0o200 == 0 {
		bits &^= 0o222
	}
	if mode.IsDir() || mode&0o100 != 0 {
		bits |= (bits & 0o444) >> 2
	}
	if s.exact {
		mode &^= 0o777
	}
	mode |= bits
	if mode.IsDir() && mode&0o060 != 0 {
		mode |= fs.ModeSetgid
	}
	return mode
}

// Adjust gives an open file or directory that was just made the mode that it is to
// have. One that belongs to somebody else stays as it is.
func (s Sharing) Adjust(f *os.File) error {
	if s.bits == 0 {
		return nil
	}
	return s.adjust(f, 0o777)
}

// AdjustPrivate is Adjust for what the repository's users share and nobody else
// may see: what an earlier version left open is closed.
func (s Sharing) AdjustPrivate(f *os.File) error { return s.adjust(f, 0o700) }

func (s Sharing) adjust(f *os.File, keep fs.FileMode) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.Mode().IsRegular() && Links(info) > 1 { // it may be somebody else's by its other name
		return nil
	}
	if want := s.Mode(info.Mode() &^ (0o777 &^ keep)); want != info.Mode() {
		if err := f.Chmod(want); !errors.Is(err, fs.ErrPermission) {
			return err
		}
	}
	return nil
}

package osfs

import (
	"bytes"
	"errors"
	"io"
	"os"
)

// block is the size of the zeros that are left out.
const block = 4096

// CopySparse copies what a file has into an empty one. Where it has holes, so has the
// copy, on systems that tell of them; what is appended meanwhile is left out.
func CopySparse(target, source *os.File) error {
	info, err := source.Stat()
	if err != nil {
		return err
	}
	for at := int64(0); at < info.Size(); {
		start, end, err := nextData(source, at, info.Size())
		if err == nil && start < end {
			err = copyRange(target, source, start, end)
		}
		if errors.Is(err, io.EOF) { // it is shorter by now
			return nil
		}
		if err != nil {
			return err
		}
		at = end
	}
	return target.Truncate(info.Size())
}

func copyRange(target, source *os.File, start, end int64) error {
	_, err1 := source.Seek(start, io.SeekStart)
	_, err2 := target.Seek(start, io.SeekStart)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	_, err := io.CopyN(target, source, end-start)
	return err
}

// WriteSparse writes all that it reads into an empty file, with holes in the place of
// blocks of zeros.
func WriteSparse(target *os.File, content io.Reader) error {
	buffer := make([]byte, 32*block)
	for at := int64(0); ; {
		n, err := io.ReadFull(content, buffer)
		if e := writeBlocks(target, buffer[:n], at); e != nil {
			return e
		}
		at += int64(n)
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return target.Truncate(at)
		case err != nil:
			return err
		}
	}
}

// writeBlocks writes what is not zero, in as few calls as may be.
func writeBlocks(target *os.File, p []byte, at int64) error {
	var zeros [block]byte
	isHole := func(i int) bool { return bytes.Equal(p[i:min(i+block, len(p))], zeros[:min(block, len(p)-i)]) }
	for i := 0; i < len(p); {
		if isHole(i) {
			i += block
			continue
		}
		end := i
		for end < len(p) && !isHole(end) {
			end = min(end+block, len(p))
		}
		if _, err := target.WriteAt(p[i:end], at+int64(i)); err != nil {
			return err
		}
		i = end
	}
	return nil
}

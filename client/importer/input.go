package importer

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"

	"github.com/klauspost/compress/gzip"
)

const readBuffer = 128 << 10

// input is what is imported, readable from the beginning as often as needed.
type input struct {
	raw io.Reader
	// start is where in a seekable raw the input begins, seeker is nil for one
	// that can be read once only.
	start  int64
	seeker io.Seeker
	// size is the number of bytes in raw, 0 where unknown.
	size int64
	read atomic.Int64
	// failure is the error of raw itself, as opposed to one of decompression.
	failure error
	spool   *os.File
}

// openInput looks at what r can do. With again set it copies what can't be read
// twice into a temporary file first, which close removes.
func openInput(ctx context.Context, r io.Reader, again bool) (*input, error) {
	in := &input{raw: r}
	if in.seekable(r) {
		return in, nil
	}
	in.raw = newPump(ctx, r)
	if !again {
		return in, nil
	}
	file, err := os.CreateTemp("", "geomq-import-*")
	if err != nil {
		return nil, fmt.Errorf("%w: keep a copy of it: %w", ErrInput, err)
	}
	in.spool = file
	if in.size, err = io.Copy(file, in.raw); err != nil {
		in.close()
		return nil, fmt.Errorf("%w: %w", ErrInput, err)
	}
	in.raw, in.seeker = file, file
	return in, nil
}

// seekable finds out whether r can be read twice, and its size.
func (in *input) seekable(r io.Reader) bool {
	s, ok := r.(io.Seeker)
	if !ok {
		return false
	}
	start, err := s.Seek(0, io.SeekCurrent)
	if err != nil {
		return false
	}
	end, err := s.Seek(0, io.SeekEnd)
	if err != nil {
		return false
	}
	if _, err := s.Seek(start, io.SeekStart); err != nil {
		return false
	}
	in.start, in.seeker, in.size = start, s, end-start
	return true
}

func (in *input) close() {
	if in.spool != nil {
		in.spool.Close()
		os.Remove(in.spool.Name())
	}
}

// Read counts what comes from raw.
func (in *input) Read(p []byte) (int, error) {
	n, err := in.raw.Read(p)
	in.read.Add(int64(n))
	if err != nil && err != io.EOF {
		in.failure = err
	}
	return n, err
}

// open returns the decompressed content from its beginning; calling it again
// needs a seekable input.
func (in *input) open() (*bufio.Reader, error) {
	in.read.Store(0)
	if in.seeker != nil {
		if _, err := in.seeker.Seek(in.start, io.SeekStart); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrInput, err)
		}
	}
	plain := bufio.NewReaderSize(in, readBuffer)
	if magic, _ := plain.Peek(2); len(magic) < 2 || magic[0] != 0x1f || magic[1] != 0x8b {
		return plain, nil
	}
	return bufio.NewReaderSize(&gunzip{packed: plain}, readBuffer), nil
}

// damaged tells whether err came from the compression and not from reading, and
// gives it in words.
func (in *input) damaged(err error) (string, bool) {
	if in.failure != nil {
		return "", false
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return "the file ends within its compressed data", true
	}
	return err.Error(), true
}

// gunzip opens the compressed stream at the first Read, so that a damaged header
// is found where a damaged body would be.
type gunzip struct {
	packed io.Reader
	plain  *gzip.Reader
	err    error
}

func (g *gunzip) Read(p []byte) (int, error) {
	if g.plain == nil && g.err == nil {
		g.plain, g.err = gzip.NewReader(g.packed)
		if g.err == io.EOF {
			g.err = io.ErrUnexpectedEOF
		}
	}
	if g.err != nil {
		return 0, g.err
	}
	return g.plain.Read(p)
}

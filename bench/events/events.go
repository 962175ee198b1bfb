package events

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"os"
)

// KeyField is the field of a file's events that is taken as their key.
const KeyField = "page"

// maxLine is the longest line of a file that is taken, in bytes.
const maxLine = 8 << 20

// Event is one event and the key by which its producer orders it.
type Event struct {
	Key  string
	Body []byte
}

// From returns n events: those of the NDJSON file path, compressed with gzip or
// not, again with variations where it holds fewer, or made-up ones for an empty
// path. An error is the last of the sequence.
func From(path string, n int) iter.Seq2[Event, error] {
	rng := rand.New(rand.NewPCG(1, 2))
	return func(yield func(Event, error) bool) {
		if path == "" {
			for i := range n {
				if !yield(madeUp(rng, i), nil) {
					return
				}
			}
			return
		}
		if err := fromFile(rng, path, n, yield); err != nil {
			yield(Event{}, err)
		}
	}
}

func fromFile(rng *rand.Rand, path string, n int, yield func(Event, error) bool) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	in, err := unzipped(f)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxLine)
	var seen []Event
	for number := 1; len(seen) < n && lines.Scan(); number++ {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		e, err := parse(bytes.Clone(lines.Bytes()))
		if err != nil {
			return fmt.Errorf("%s, line %d: %w", path, number, err)
		}
		seen = append(seen, e)
		if !yield(e, nil) {
			return nil
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if len(seen) == 0 && n > 0 {
		return fmt.Errorf("%s holds no events", path)
	}
	for i := len(seen); i < n; i++ {
		if !yield(vary(rng, seen[i%len(seen)], i, i/len(seen)), nil) {
			return nil
		}
	}
	return nil
}

// unzipped looks at what f begins with, so that a file's name does not matter.
func unzipped(f io.Reader) (io.Reader, error) {
	in := bufio.NewReader(f)
	if magic, _ := in.Peek(2); !bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		return in, nil
	}
	return gzip.NewReader(in)
}

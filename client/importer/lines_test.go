package importer

import (
	"bufio"
	"bytes"
	"io"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"
)

// Splitting agrees with the obvious way to do it, however the stream is cut into
// reads and however small the buffer is.
func TestLinesAreSplitLikeTheObviousWay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		content := rapid.SliceOfN(rapid.SampledFrom([]byte("ab\r\n\n{\xef\xbb\xbf")), 0, 120).Draw(t, "content")
		limit := rapid.IntRange(1, 40).Draw(t, "limit")
		var in io.Reader = bytes.NewReader(content)
		if rapid.Bool().Draw(t, "one byte at a time") {
			in = iotest.OneByteReader(in)
		}
		l := lineReader{in: bufio.NewReaderSize(in, 16), limit: limit}
		for n, want := range obvious(content) {
			text, length, err := l.next()
			switch {
			case err != nil:
				t.Fatalf("line %d: %v", n+1, err)
			case len(want) > limit && (text != nil || length <= limit):
				t.Fatalf("line %d of %d bytes passes a limit of %d as %q, %d", n+1, len(want), limit, text, length)
			case len(want) <= limit && (text == nil || !bytes.Equal(text, want) || length != len(want)):
				t.Fatalf("line %d is %q, want %q", n+1, text, want)
			}
		}
		if text, _, err := l.next(); err != io.EOF {
			t.Fatalf("behind the end: %q, %v", text, err)
		}
	})
}

func obvious(content []byte) [][]byte {
	content = bytes.TrimPrefix(content, byteOrderMark)
	lines := bytes.Split(content, []byte("\n"))
	if len(lines[len(lines)-1]) == 0 {
		lines = lines[:len(lines)-1]
	}
	for i, line := range lines {
		lines[i] = bytes.TrimSuffix(line, []byte("\r"))
	}
	return lines
}

func TestAHugeLineIsNotKept(t *testing.T) {
	const huge = 64 << 20
	in := io.MultiReader(io.LimitReader(zeros{}, huge), bytes.NewReader([]byte("\n{}")))
	l := lineReader{in: bufio.NewReader(in), limit: 1000}
	if text, length, err := l.next(); text != nil || length != huge || err != nil {
		t.Fatalf("%d bytes, length %d, %v", len(text), length, err)
	}
	if cap(l.long) > 8<<10 {
		t.Fatalf("%d bytes are kept", cap(l.long))
	}
	if text, _, err := l.next(); string(text) != "{}" || err != nil {
		t.Fatalf("%q, %v", text, err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func TestIdentitiesOfLines(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := newIdentity(), newIdentity()
		line := rapid.IntRange(1, 1<<40).Draw(t, "line")
		if got, ok := a.line(a.of(line)); !ok || got != line {
			t.Fatalf("%s is line %d", a.of(line), got)
		}
		if _, ok := b.line(a.of(line)); ok {
			t.Fatal("another run's id is taken for ours")
		}
	})
	for _, foreign := range []string{"", "x", "-0", "-+1", "-01", "-", "-99999999999999999999"} {
		if line, ok := identity("").line(foreign); ok {
			t.Errorf("%q is line %d", foreign, line)
		}
	}
}

func TestLineSet(t *testing.T) {
	s := newLineSet(130)
	for _, line := range []int{1, 63, 64, 65, 128, 130, 130, 0, -5, 131, 1 << 40} {
		s.add(line)
	}
	for line, want := range map[int]bool{1: true, 2: false, 63: true, 64: true, 66: false, 130: true, 131: false, 1 << 40: false} {
		if s.has(line) != want {
			t.Errorf("line %d: %v", line, s.has(line))
		}
	}
	if s.count != 6 || (*lineSet)(nil).has(1) {
		t.Errorf("%d lines", s.count)
	}
}

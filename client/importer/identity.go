package importer

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"strconv"
	"strings"
)

// identity makes the message ids of a run: 16 hexadecimal digits, '-', the
// line's number.
type identity string

const (
	identityBytes = 8
	// maxID is the longest id: digits, hyphen and the digits of any int.
	maxID = 2*identityBytes + 1 + 19
)

// newIdentity is one that no other run has.
func newIdentity() identity {
	var b [identityBytes]byte
	rand.Read(b[:])
	return identity(hex.EncodeToString(b[:]))
}

func (id identity) of(line int) string { return string(id) + "-" + strconv.Itoa(line) }

// line takes an id apart; ok is false for one of another run.
func (id identity) line(messageID string) (line int, ok bool) {
	digits, ok := strings.CutPrefix(messageID, string(id)+"-")
	if !ok {
		return 0, false
	}
	line, err := strconv.Atoi(digits)
	return line, err == nil && line > 0 && strconv.Itoa(line) == digits
}

// digest reads content to its end and returns the identity of what it is, and an
// upper bound of its lines. tick is called now and then. Content that breaks off is known by what could be
// read of it; the error is returned for the caller to judge.
func digest(ctx context.Context, content *bufio.Reader, tick func()) (identity, int, error) {
	sum := sha256.New()
	lines := lineCounter{ctx: ctx, sum: sum, tick: tick}
	_, err := io.Copy(&lines, onlyReader{content})
	return identity(hex.EncodeToString(sum.Sum(nil)[:identityBytes])), lines.ends + 1, err
}

// onlyReader hides bufio's WriteTo, which would hand over its buffer in pieces
// that are needlessly small.
type onlyReader struct{ io.Reader }

// lineCounter adds to a digest and counts the line ends in it.
type lineCounter struct {
	ctx  context.Context
	sum  hash.Hash
	ends int
	tick func()
}

func (c *lineCounter) Write(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	c.ends += bytes.Count(p, []byte{'\n'})
	c.tick()
	return c.sum.Write(p)
}

// headerSize is how many bytes the header block of any line's message takes.
func headerSize() int {
	return len(fmt.Sprintf("NATS/1.0\r\nNats-Msg-Id: %s\r\n\r\n", strings.Repeat("x", maxID)))
}

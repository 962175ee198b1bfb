package wire

import (
	"bytes"
	"fmt"
)

// kind names an operation of the protocol's server side.
type kind uint8

const (
	kindNone kind = iota // more bytes are needed
	kindMsg
	kindInfo
	kindPing
	kindPong
	kindOK
	kindErr
)

// maxLine bounds a control line. INFO with the addresses of a large cluster is
// the longest a server sends.
const maxLine = 256 << 10

// op is one decoded operation. Its slices lie within the bytes it was decoded
// from.
type op struct {
	kind kind
	sid  uint64 // of kindMsg
	msg  Msg    // of kindMsg
	text []byte // of kindInfo and kindErr
}

// decode reads the operation at the start of b into o and returns how many
// bytes it took. If b ends before the operation does, o.kind is kindNone, n is
// 0, and need is the least length of b that makes a new attempt worth while. It
// is pure: no state survives between calls.
func decode(b []byte, maxMessage int, o *op) (n, need int, err error) {
	o.kind = kindNone
	if len(b) == 0 {
		return 0, 1, nil
	}
	if !startsOperation(b[0]) {
		return 0, 0, protocolError(b)
	}
	end := bytes.IndexByte(b, '\n')
	if end < 0 {
		if len(b) > maxLine {
			return 0, 0, fmt.Errorf("%w: a control line above %d bytes", ErrProtocol, maxLine)
		}
		return 0, len(b) + 1, nil
	}
	if end > maxLine || end < 1 || b[end-1] != '\r' {
		return 0, 0, protocolError(b)
	}
	return decodeLine(b, end, maxMessage, o)
}

// startsOperation lets garbage without a line end fail at its first byte.
func startsOperation(c byte) bool {
	switch c {
	case 'M', 'H', 'I', 'P', '+', '-':
		return true
	}
	return false
}

// decodeLine decodes the operation whose control line ends with the \n at end.
func decodeLine(b []byte, end, maxMessage int, o *op) (n, need int, err error) {
	line := b[:end-1]
	switch {
	case hasVerb(line, "MSG"):
		return decodeMsg(b, line[4:], end+1, maxMessage, o)
	case hasVerb(line, "HMSG"):
		return decodeHeaderMsg(b, line[5:], end+1, maxMessage, o)
	case string(line) == "PING":
		o.kind = kindPing
	case string(line) == "PONG":
		o.kind = kindPong
	case string(line) == "+OK":
		o.kind = kindOK
	case hasVerb(line, "INFO"):
		o.kind, o.text = kindInfo, bytes.TrimSpace(line[5:])
	case hasVerb(line, "-ERR"):
		o.kind, o.text = kindErr, bytes.Trim(line[5:], " \t'")
	default:
		return 0, 0, protocolError(b)
	}
	return end + 1, 0, nil
}

func hasVerb(line []byte, verb string) bool {
	return len(line) > len(verb) && string(line[:len(verb)]) == verb &&
		(line[len(verb)] == ' ' || line[len(verb)] == '\t')
}

// decodeMsg handles "MSG subject sid [reply] size".
func decodeMsg(b, args []byte, start, maxMessage int, o *op) (n, need int, err error) {
	var f fields
	count := f.split(args)
	if count != 3 && count != 4 {
		return 0, 0, protocolError(b)
	}
	total, ok := number(f[count-1])
	if !ok {
		return 0, 0, protocolError(b)
	}
	return decodePayload(b, start, payload{fields: &f, hasReply: count == 4, header: -1, total: total, max: maxMessage}, o)
}

// decodeHeaderMsg handles "HMSG subject sid [reply] header-size total-size".
func decodeHeaderMsg(b, args []byte, start, maxMessage int, o *op) (n, need int, err error) {
	var f fields
	count := f.split(args)
	if count != 4 && count != 5 {
		return 0, 0, protocolError(b)
	}
	header, okHeader := number(f[count-2])
	total, okTotal := number(f[count-1])
	if !okHeader || !okTotal || header > total {
		return 0, 0, protocolError(b)
	}
	return decodePayload(b, start, payload{fields: &f, hasReply: count == 5, header: int64(header), total: total, max: maxMessage}, o)
}

// payload is what a message's control line announces.
type payload struct {
	fields   *fields
	hasReply bool
	header   int64 // -1: the message has no header block
	total    uint64
	max      int
}

// decodePayload cuts the announced bytes out of b[start:].
func decodePayload(b []byte, start int, p payload, o *op) (n, need int, err error) {
	if p.total > uint64(p.max) {
		return 0, 0, fmt.Errorf("%w: %d bytes announced, %d allowed", ErrTooLarge, p.total, p.max)
	}
	sid, ok := number(p.fields[1])
	if !ok {
		return 0, 0, protocolError(b)
	}
	end := start + int(p.total)
	if len(b) < end+2 {
		return 0, end + 2, nil
	}
	if b[end] != '\r' || b[end+1] != '\n' {
		return 0, 0, fmt.Errorf("%w: a message of %d bytes doesn't end where announced", ErrProtocol, p.total)
	}
	o.kind, o.sid = kindMsg, sid
	o.msg = Msg{Subject: clip(p.fields[0]), Body: b[start:end:end]}
	if p.hasReply {
		o.msg.Reply = clip(p.fields[2])
	}
	if p.header >= 0 {
		body := start + int(p.header)
		o.msg.Header, o.msg.Body = b[start:body:body], b[body:end:end]
	}
	return end + 2, 0, nil
}

// clip keeps an append by the receiver from running into the bytes behind.
func clip(b []byte) []byte { return b[:len(b):len(b)] }

// fields are the words of a control line after its verb.
type fields [5][]byte

// split fills f and returns the number of words, or 6 if there are more than 5.
func (f *fields) split(args []byte) int {
	count, start := 0, -1
	for i := 0; i <= len(args); i++ {
		if i < len(args) && args[i] != ' ' && args[i] != '\t' {
			if start < 0 {
				start = i
			}
			continue
		}
		if start < 0 {
			continue
		}
		if count == len(f) {
			return count + 1
		}
		f[count] = args[start:i]
		count, start = count+1, -1
	}
	return count
}

// number reads a decimal of at most 18 digits, which can't overflow.
func number(b []byte) (uint64, bool) {
	if len(b) == 0 || len(b) > 18 {
		return 0, false
	}
	var n uint64
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	return n, true
}

func protocolError(b []byte) error {
	return fmt.Errorf("%w: got %q", ErrProtocol, b[:min(len(b), 48)])
}

package entry

import "bytes"

const (
	headerStart = "NATS/1.0\r\n"
	crlf        = "\r\n"
	escape      = "Gq-"
)

// MessageID is the header by which producers name a message, and by which
// JetStream and geomq recognise a message that is sent again.
const MessageID = "Nats-Msg-Id"

// Value returns the value of the first line of block that is named name, spelled
// as given (the way nats-server looks headers up), without the spaces around it.
// It is nil where there is no such line; the result points into block.
func Value(block []byte, name string) []byte {
	for line := range bytes.SplitSeq(block, []byte(crlf)) {
		if len(line) > len(name) && line[len(name)] == ':' && string(line[:len(name)]) == name {
			return bytes.TrimSpace(line[len(name)+1:])
		}
	}
	return nil
}

// mustEscape tells whether the line at the beginning of rest has a name that
// the replica's stream may not show: one that begins with "nats-" or "geomq-",
// or with escapes in front of one of those.
func mustEscape(rest []byte) bool {
	for hasPrefixFold(rest, escape) {
		rest = rest[len(escape):]
	}
	return hasPrefixFold(rest, "nats-") || hasPrefixFold(rest, "geomq-")
}

func hasPrefixFold(b []byte, prefix string) bool {
	return len(b) >= len(prefix) && bytes.EqualFold(b[:len(prefix)], []byte(prefix))
}

// appendEscaped appends lines to dst with every line escaped that must be. A
// line begins behind any '\n', not just behind "\r\n": being stricter than
// nats-server costs nothing, being laxer would let a header through.
func appendEscaped(dst, lines []byte) []byte {
	for len(lines) > 0 {
		if mustEscape(lines) {
			dst = append(dst, escape...)
		}
		end := bytes.IndexByte(lines, '\n') + 1
		if end == 0 {
			end = len(lines)
		}
		dst = append(dst, lines[:end]...)
		lines = lines[end:]
	}
	return dst
}

// appendUnescaped undoes appendEscaped. It reports false at a line that
// appendEscaped can't have written.
func appendUnescaped(dst, lines []byte) ([]byte, bool) {
	for len(lines) > 0 {
		if mustEscape(lines) {
			if !bytes.HasPrefix(lines, []byte(escape)) {
				return dst, false
			}
			lines = lines[len(escape):]
		}
		end := bytes.IndexByte(lines, '\n') + 1
		if end == 0 {
			end = len(lines)
		}
		dst = append(dst, lines[:end]...)
		lines = lines[end:]
	}
	return dst, true
}

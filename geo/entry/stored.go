package entry

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strconv"

	"geomq/geo"
)

// Lines that a replica's entries carry and that no producer's header can look
// like, since all of those are escaped.
const (
	expectedSeq = "Nats-Expected-Last-Sequence: "
	originTime  = "Geomq-Time: "
	enveloped   = "Geomq-Form: enveloped\r\n"
)

const (
	// maxHeader is the longest header block that stays one in a replica;
	// nats-server's own limit is 65,535 bytes with our lines included.
	maxHeader = 60 << 10
	// maxGrowth is how many bytes escaping may add; an origin keeps 4 KiB of
	// the replicas' max_payload free for everything that is added.
	maxGrowth = 2 << 10
)

// Stored returns the header block and the body under which a replica's stream
// keeps e. The block is appended to dst; the body is e.Body itself unless the
// entry has to be enveloped.
func (e *Entry) Stored(dst []byte) (header, body []byte) {
	dst = append(dst, headerStart+expectedSeq...)
	dst = strconv.AppendUint(dst, uint64(e.Offset)-1, 10)
	dst = append(dst, crlf+originTime...)
	dst = strconv.AppendInt(dst, e.Time, 10)
	dst = append(dst, crlf...)
	if e.Header == nil {
		return append(dst, crlf...), e.Body
	}
	if lines, ok := regular(e.Header); ok {
		ours := len(dst)
		dst = appendEscaped(dst, lines)
		if len(dst)-ours-len(lines) <= maxGrowth {
			return dst, e.Body
		}
		dst = dst[:ours]
	}
	body = binary.AppendUvarint(make([]byte, 0, len(e.Header)+len(e.Body)+binary.MaxVarintLen32), uint64(len(e.Header)))
	body = append(append(body, e.Header...), e.Body...)
	return append(dst, enveloped+crlf...), body
}

// regular returns the lines of a header block, the blank one at its end
// included, if the block may stay one in a replica's stream.
func regular(block []byte) (lines []byte, ok bool) {
	lines, ok = bytes.CutPrefix(block, []byte(headerStart))
	return lines, ok && len(block) <= maxHeader && len(lines) > len(crlf) && bytes.HasSuffix(lines, []byte(crlf+crlf))
}

// FromStored gives back the entry that a replica's stream keeps at offset as
// subject, header and body. The entry's header block is new, subject and body
// point into what was given. The error wraps ErrStored.
func FromStored(offset geo.Offset, subject, header, body []byte) (Entry, error) {
	e := Entry{Offset: offset, Subject: subject, Body: body}
	rest, ok := bytes.CutPrefix(header, []byte(headerStart+expectedSeq))
	if !ok {
		return e, fmt.Errorf("%w: offset %d has no expected sequence", ErrStored, offset)
	}
	before, rest, ok := cutNumber(rest)
	if !ok || uint64(before) != uint64(offset)-1 {
		return e, fmt.Errorf("%w: offset %d was written behind %d", ErrStored, offset, before)
	}
	if rest, ok = bytes.CutPrefix(rest, []byte(originTime)); !ok {
		return e, fmt.Errorf("%w: offset %d has no origin time", ErrStored, offset)
	}
	if e.Time, rest, ok = cutNumber(rest); !ok {
		return e, fmt.Errorf("%w: offset %d has a damaged origin time", ErrStored, offset)
	}
	switch {
	case string(rest) == crlf:
		return e, nil
	case string(rest) == enveloped+crlf:
		return fromEnvelope(e)
	}
	e.Header, ok = appendUnescaped(append(make([]byte, 0, len(headerStart)+len(rest)), headerStart...), rest)
	if !ok {
		return e, fmt.Errorf("%w: offset %d has a header that was not escaped", ErrStored, offset)
	}
	if _, ok = regular(e.Header); !ok {
		return e, fmt.Errorf("%w: offset %d has a header that is cut off", ErrStored, offset)
	}
	return e, nil
}

func fromEnvelope(e Entry) (Entry, error) {
	length, n := binary.Uvarint(e.Body)
	if n <= 0 || length > uint64(len(e.Body)-n) {
		return e, fmt.Errorf("%w: offset %d has a damaged envelope", ErrStored, e.Offset)
	}
	end := n + int(length)
	e.Header, e.Body = e.Body[n:end:end], e.Body[end:]
	return e, nil
}

// cutNumber reads a decimal number and the line's end behind it.
func cutNumber(b []byte) (n int64, rest []byte, ok bool) {
	digits, rest, ok := bytes.Cut(b, []byte(crlf))
	if !ok {
		return 0, b, false
	}
	n, err := strconv.ParseInt(string(digits), 10, 64)
	return n, rest, err == nil
}

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
	whole       = "Geomq-Form: whole\r\n"
)

const (
	// maxHeader is the longest header block that stays one in a replica;
	// nats-server's own limit is 65,535 bytes with our lines included.
	maxHeader = 60 << 10
	// maxGrowth is how many bytes escaping may add; an origin keeps 4 KiB of
	// the replicas' max_payload free for everything that is added.
	maxGrowth = 2 << 10
)

// Stored returns the subject, the header block and the body under which a
// replica's stream keeps e. The block is appended to dst; subject and body are
// e's own unless the entry has to be enveloped.
func (e *Entry) Stored(dst []byte) (subject, header, body []byte) {
	dst = append(dst, headerStart+expectedSeq...)
	dst = strconv.AppendUint(dst, uint64(e.Offset)-1, 10)
	dst = append(dst, crlf+originTime...)
	dst = strconv.AppendInt(dst, e.Time, 10)
	dst = append(dst, crlf...)
	if !regularSubject(e.Subject) {
		return safeSubject(e.Subject), append(dst, whole+crlf...), e.wholeBody()
	}
	if e.Header == nil {
		return e.Subject, append(dst, crlf...), e.Body
	}
	if lines, ok := regular(e.Header); ok {
		ours := len(dst)
		dst = appendEscaped(dst, lines)
		if len(dst)-ours-len(lines) <= maxGrowth {
			return e.Subject, dst, e.Body
		}
		dst = dst[:ours]
	}
	body = binary.AppendUvarint(make([]byte, 0, len(e.Header)+len(e.Body)+binary.MaxVarintLen32), uint64(len(e.Header)))
	body = append(append(body, e.Header...), e.Body...)
	return e.Subject, append(dst, enveloped+crlf...), body
}

// wholeBody is subject, header and body in one: each of the first two behind its
// length, that of the header plus 1, or 0 without one.
func (e *Entry) wholeBody() []byte {
	b := make([]byte, 0, len(e.Subject)+len(e.Header)+len(e.Body)+2*binary.MaxVarintLen32)
	b = append(binary.AppendUvarint(b, uint64(len(e.Subject))), e.Subject...)
	if e.Header == nil {
		b = binary.AppendUvarint(b, 0)
	} else {
		b = append(binary.AppendUvarint(b, uint64(len(e.Header))+1), e.Header...)
	}
	return append(b, e.Body...)
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
	case string(rest) == whole+crlf:
		return fromWhole(e)
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

func fromWhole(e Entry) (Entry, error) {
	damaged := fmt.Errorf("%w: offset %d has a damaged envelope", ErrStored, e.Offset)
	stored := e.Subject
	length, n := binary.Uvarint(e.Body)
	if n <= 0 || length > uint64(len(e.Body)-n) {
		return e, damaged
	}
	e.Subject, e.Body = e.Body[n:n+int(length)], e.Body[n+int(length):]
	if length, n = binary.Uvarint(e.Body); n <= 0 || length > uint64(len(e.Body)-n)+1 {
		return e, damaged
	}
	if e.Body = e.Body[n:]; length > 0 {
		e.Header, e.Body = e.Body[:length-1:length-1], e.Body[length-1:]
	}
	if regularSubject(e.Subject) || !bytes.Equal(stored, safeSubject(e.Subject)) {
		return e, fmt.Errorf("%w: offset %d stands under another subject than its own", ErrStored, e.Offset)
	}
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

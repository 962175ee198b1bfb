package broker

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/nats-io/nats-server/v2/server"

	"geomq/geo"
)

// Operations of a fast-ingest batch (ADR-50), the token before ".$FI" in a
// message's reply subject.
const (
	opStart     = 0
	opAppend    = 1
	opCommit    = 2 // stores the message and ends the batch
	opCommitEnd = 3 // ends the batch without storing anything
	opPing      = 4 // asks how far the batch is
)

const (
	// batchShare is the part of the window after which a batch ends.
	batchShare = 4
	// batchFlow asks for a sign of progress every 100 entries: a disk that takes
	// milliseconds for each is slow, not silent.
	batchFlow = ".100.fail."
	batchEnd  = ".$FI"
)

// batch is what one ack is awaited for: a fast-ingest batch, a stretch of a
// chain, or a single entry.
type batch struct {
	number      uint64
	first, last geo.Offset
	bytes       int
	ended       bool // nothing is going to be added
}

func (b *batch) count() uint64 { return uint64(b.last-b.first) + 1 }

// appendReply writes the reply subject of message sequence of the batch.
func appendReply(dst []byte, inbox, id string, number, sequence uint64, op int) []byte {
	dst = append(dst, inbox...)
	dst = append(dst, '.')
	dst = append(dst, id...)
	dst = append(dst, '-')
	dst = strconv.AppendUint(dst, number, 10)
	dst = append(dst, batchFlow...)
	dst = strconv.AppendUint(dst, sequence, 10)
	dst = append(dst, '.')
	dst = strconv.AppendInt(dst, int64(op), 10)
	return append(dst, batchEnd...)
}

// appendPlainReply is appendReply for an entry outside of a batch.
func appendPlainReply(dst []byte, inbox, id string, number uint64) []byte {
	dst = append(dst, inbox...)
	dst = append(dst, '.')
	dst = append(dst, id...)
	dst = append(dst, '-')
	return strconv.AppendUint(dst, number, 10)
}

// batchNumber reads the batch from an ack's subject, and whether a probe asked
// for it; rest is what stands behind the inbox.
func batchNumber(rest []byte) (n uint64, probed, ok bool) {
	rest, probed = bytes.CutSuffix(rest, []byte(probeToken))
	token, _, _ := bytes.Cut(rest, dot)
	_, number, ok := bytes.Cut(token, []byte("-"))
	if !ok {
		return 0, false, false
	}
	n, ok = decimal(number)
	return n, probed, ok
}

// answer is anything the server says about a batch.
type answer struct {
	// Type is "ack" for progress, "gap" and "err" for what ends a batch, empty
	// for the ack of a whole batch.
	Type      string           `json:"type"`
	Stream    string           `json:"stream"`
	Seq       uint64           `json:"seq"`
	Count     uint64           `json:"count"`
	Duplicate bool             `json:"duplicate"`
	Error     *server.ApiError `json:"error"`
}

// parseAnswer reads an answer. Acks of single entries, of which there is one per
// entry, are read by hand.
func parseAnswer(body []byte) (answer, error) {
	if a, ok := parsePlainAck(body); ok {
		return a, nil
	}
	var a answer
	if err := json.Unmarshal(body, &a); err != nil {
		return a, fmt.Errorf("%w: the server answered %q", ErrRefused, shortened(body))
	}
	return a, nil
}

// parsePlainAck reads {"stream":"NAME","domain":"NAME","seq":N}, with or without
// the domain.
func parsePlainAck(body []byte) (a answer, ok bool) {
	rest, isAck := bytes.CutPrefix(body, []byte(`{"stream":"`))
	_, rest, _ = bytes.Cut(rest, []byte(`","`))
	if domain, has := bytes.CutPrefix(rest, []byte(`domain":"`)); has {
		_, rest, _ = bytes.Cut(domain, []byte(`","`))
	}
	number, isSeq := bytes.CutPrefix(rest, []byte(`seq":`))
	number, ends := bytes.CutSuffix(number, []byte("}"))
	if !isAck || !isSeq || !ends {
		return a, false
	}
	a.Count = 1
	a.Seq, ok = decimal(number)
	return a, ok
}

func shortened(b []byte) []byte { return b[:min(len(b), 200)] }

// refusal turns an error of the server into one of ours; offset is what the
// refused entry would have become.
func refusal(stream string, offset geo.Offset, e *server.ApiError) error {
	if e.ErrCode != codeWrongLast {
		return fmt.Errorf("%w: offset %d: %s (%d)", ErrRefused, offset, e.Description, e.ErrCode)
	}
	var last uint64
	// The end is told in words only; without it the error is still the right one.
	_, _ = fmt.Sscanf(e.Description, "wrong last sequence: %d", &last)
	return &FencedError{Stream: stream, Offset: offset, Last: geo.Offset(last)}
}

package broker

import "bytes"

// delivery is what a message's ack subject says about it.
type delivery struct {
	stream   uint64 // sequence in the stream: the offset
	consumer uint64 // sequence of the delivery, without gaps
	time     int64  // when the stream stored it, in nanoseconds since 1970
	pending  uint64 // how many more the consumer has to deliver
}

var ackPrefix = []byte("$JS.ACK.")

// parseDelivery reads
//
//	$JS.ACK.<stream>.<consumer>.<delivered>.<sseq>.<cseq>.<time>.<pending>
//
// or the newer form with <domain>.<account> in front of the stream and perhaps
// more tokens behind. It doesn't allocate.
func parseDelivery(subject []byte) (d delivery, ok bool) {
	rest, ok := bytes.CutPrefix(subject, ackPrefix)
	if !ok {
		return d, false
	}
	skip := 3 // stream, consumer, delivered
	switch tokens := bytes.Count(subject, dot) + 1; {
	case tokens == 9:
	case tokens >= 11:
		skip += 2
	default:
		return d, false
	}
	for range skip {
		_, rest, _ = bytes.Cut(rest, dot)
	}
	var time uint64
	for _, field := range [...]*uint64{&d.stream, &d.consumer, &time, &d.pending} {
		var token []byte
		token, rest, _ = bytes.Cut(rest, dot)
		if *field, ok = decimal(token); !ok {
			return d, false
		}
	}
	d.time = int64(time)
	return d, d.stream > 0 && d.consumer > 0 && d.time >= 0
}

var dot = []byte(".")

// decimal reads a number of at most 19 digits.
func decimal(token []byte) (n uint64, ok bool) {
	if len(token) == 0 || len(token) > 19 {
		return 0, false
	}
	for _, c := range token {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	return n, true
}

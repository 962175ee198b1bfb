package form

import (
	"bytes"
	"fmt"
	"maps"
	"slices"

	"github.com/nats-io/nats.go"
)

// ownLines are the lines that an escaped entry's header block begins with, in the
// order in which package entry writes and expects them.
var ownLines = []string{"Nats-Expected-Last-Sequence", "Geomq-Time", "Geomq-Form"}

// sizeLine is added by the broker where headers alone were asked for.
const sizeLine = "Nats-Msg-Size"

// block rebuilds the header block that nats.go took apart: our lines in front,
// then the producer's, sorted by name since their order is lost.
func block(h nats.Header) []byte {
	var b bytes.Buffer
	b.WriteString("NATS/1.0\r\n")
	for _, name := range ownLines {
		writeLines(&b, name, h[name])
	}
	for _, name := range slices.Sorted(maps.Keys(h)) {
		if !slices.Contains(ownLines, name) && name != sizeLine {
			writeLines(&b, name, h[name])
		}
	}
	b.WriteString("\r\n")
	return b.Bytes()
}

func writeLines(b *bytes.Buffer, name string, values []string) {
	for _, value := range values {
		fmt.Fprintf(b, "%s: %s\r\n", name, value)
	}
}

package importer

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"geomq/geo/entry"
)

// TestLinesThatWerePulledBackAreStillThere: the log lost everything and got it
// back from another region, in escaped form; a second run must know every line.
func TestLinesThatWerePulledBackAreStillThere(t *testing.T) {
	_, js, cfg := setup(t, 100*time.Millisecond)
	cfg.Dedupe = true
	lines := edits(3, 300)
	content := joined(lines)
	cfg.Input = bytes.NewReader(content)
	if result := imported(t, cfg); result.Published != len(lines) {
		t.Fatalf("first run: %+v", result)
	}
	all := contents(t, js)
	_, js, cfg = setup(t, 100*time.Millisecond)
	cfg.Dedupe = true
	pullBack(t, js, all)
	cfg.Input = bytes.NewReader(content)
	if result := imported(t, cfg); result.Published != 0 || result.AlreadyThere != len(lines) {
		t.Fatalf("second run: %+v", result)
	}
}

// pullBack fills the empty log with entries as another region gives them back.
func pullBack(t *testing.T, js jetstream.JetStream, all []held) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	const ingest = "geomq.r.secret."
	cfg := jetstream.StreamConfig{
		Name: testStream, Subjects: []string{ingest + ">"},
		SubjectTransform: &jetstream.SubjectTransformConfig{Source: ingest + ">", Destination: ">"},
		Metadata:         map[string]string{"geomq.role": "origin", "geomq.escaped": fmt.Sprintf("1-%d", len(all))},
	}
	if _, err := js.UpdateStream(ctx, cfg); err != nil {
		t.Fatal(err)
	}
	for _, h := range all {
		e := entry.Entry{Offset: h.offset, Time: 1, Subject: []byte(h.subject), Header: fmt.Appendf(nil, "NATS/1.0\r\nNats-Msg-Id: %s\r\n\r\n", h.id), Body: []byte(h.body)}
		_, block, body := e.Stored(nil)
		header, err := nats.DecodeHeadersMsg(block)
		if err == nil {
			_, err = js.PublishMsg(ctx, &nats.Msg{Subject: ingest + h.subject, Header: header, Data: body})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	cfg.Subjects, cfg.SubjectTransform = []string{"orders.>"}, nil
	if _, err := js.UpdateStream(ctx, cfg); err != nil {
		t.Fatal(err)
	}
}

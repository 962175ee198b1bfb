package dedupe

import (
	"fmt"
	"testing"

	"geomq/geo"
	"geomq/geo/entry"

	"pgregory.net/rapid"
)

func item(offset geo.Offset, key, body string) *entry.Entry {
	e := &entry.Entry{Offset: offset, Body: []byte(body)}
	if key != "" {
		e.Header = []byte("NATS/1.0\r\nNats-Msg-Id: " + key + "\r\n\r\n")
	}
	return e
}

func judge(r *Recent, e *entry.Entry) Verdict {
	var h entry.Hasher
	return r.Judge(e, h.Entry(e))
}

func TestKeys(t *testing.T) {
	log := geo.CommitLog{Log: "ORDERS", Origin: "us-east", Queue: geo.SoleQueue}
	if got := Key(log, 3, item(7, "", "x")); got != "ORDERS@us-east/3/7" {
		t.Errorf("without an id: %s", got)
	}
	if got := Key(log, 3, item(7, "abc", "x")); got != "abc" {
		t.Errorf("with an id: %s", got)
	}
}

func TestWhatComesAgainIsRecognised(t *testing.T) {
	r := NewRecent(10, 4)
	for i, step := range []struct {
		e    *entry.Entry
		want Verdict
	}{
		{item(11, "a", "1"), Fresh},
		{item(11, "a", "1"), Resend},
		{item(11, "a", "2"), Conflict},
		{item(11, "b", "1"), Conflict},
		{item(10, "", "?"), Forgotten},
		{item(13, "c", "3"), Ahead},
		{item(12, "a", "1"), Repeat},
		{item(13, "", "3"), Fresh},
		{item(14, "", "3"), Fresh}, // without a key nothing is a repeat
		{item(15, "", "3"), Fresh}, // pushes 11 out
		{item(11, "a", "1"), Forgotten},
		{item(16, "", "3"), Fresh}, // pushes 12 out, and with it the key
		{item(17, "a", "1"), Fresh},
	} {
		if got := judge(r, step.e); got != step.want {
			t.Errorf("step %d, offset %d: %s, want %s", i, step.e.Offset, got, step.want)
		}
	}
}

// TestAgainstAnOracle compares a Recent with a full history of the log.
func TestAgainstAnOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(1, 20).Draw(t, "size")
		r, history := NewRecent(0, size), []*entry.Entry{nil}
		for range rapid.IntRange(1, 80).Draw(t, "steps") {
			last := len(history) - 1
			offset := rapid.IntRange(1, last+2).Draw(t, "offset")
			key := rapid.SampledFrom([]string{"", "a", "b", "c"}).Draw(t, "key")
			e := item(geo.Offset(offset), key, fmt.Sprint(rapid.IntRange(0, 1).Draw(t, "body")))
			got := judge(r, e)
			if want := oracle(history, e, size); got != want {
				t.Fatalf("offset %d key %q behind %d: %s, want %s", offset, key, last, got, want)
			}
			if got == Fresh || got == Repeat {
				history = append(history, e)
			}
		}
	})
}

func oracle(history []*entry.Entry, e *entry.Entry, size int) Verdict {
	last := len(history) - 1
	oldest := max(last-size+1, 1)
	switch at := int(e.Offset); {
	case at > last+1:
		return Ahead
	case at == last+1:
		for _, old := range history[oldest:] {
			if id := entry.Value(e.Header, entry.MessageID); id != nil && string(entry.Value(old.Header, entry.MessageID)) == string(id) {
				return Repeat
			}
		}
		return Fresh
	case at < oldest:
		return Forgotten
	case string(history[at].Header)+string(history[at].Body) == string(e.Header)+string(e.Body):
		return Resend
	}
	return Conflict
}

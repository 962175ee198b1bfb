package entry

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"geomq/geo"
)

func roundTrip(t *testing.T, e Entry) (header, body []byte) {
	t.Helper()
	subject, header, body := e.Stored(nil)
	if !regularSubject(subject) {
		t.Fatalf("%q is stored under %q", e.Subject, subject)
	}
	got, err := FromStored(e.Offset, subject, header, body)
	if err != nil {
		t.Fatalf("FromStored(%q, %q): %v", header, body, err)
	}
	if !same(&got, &e) {
		t.Fatalf("came back as %+v, went in as %+v", got, e)
	}
	return header, body
}

func same(a, b *Entry) bool {
	return a.Offset == b.Offset && a.Time == b.Time && bytes.Equal(a.Subject, b.Subject) &&
		bytes.Equal(a.Header, b.Header) && (a.Header == nil) == (b.Header == nil) && bytes.Equal(a.Body, b.Body)
}

// acted lists headers that JetStream acts on, in the spelling it looks for.
var acted = []string{
	"Nats-Msg-Id", "Nats-TTL", "Nats-Rollup", "Nats-Incr", "Nats-Schedule", "Nats-Schedule-Next", "Nats-Scheduler",
	"Nats-Stream-Source", "Nats-Batch-Id", "Nats-Batch-Sequence", "Nats-Expected-Stream", "Nats-Expected-Last-Sequence",
	"Nats-Expected-Last-Msg-Id", "Nats-Expected-Last-Subject-Sequence", "Nats-Required-Api-Level", "Nats-Trace-Dest",
}

func TestNothingOfAProducersHeadersIsActedOnInAReplica(t *testing.T) {
	for _, name := range acted {
		block := []byte("NATS/1.0\r\nA: 1\r\n" + name + ": 7\r\n" + strings.ToLower(name) + ":8\r\nA: 2\r\n\r\n")
		header, _ := roundTrip(t, Entry{Offset: 10, Subject: []byte("a.b"), Header: block, Body: []byte("x")})
		if name == "Nats-Expected-Last-Sequence" {
			if got := Value(header, name); string(got) != "9" {
				t.Errorf("the fence says %q, want 9", got)
			}
			continue
		}
		if got := Value(header, name); got != nil {
			t.Errorf("%s: %s is still there in %q", name, got, header)
		}
	}
}

func TestEscapesAreInjective(t *testing.T) {
	seen := map[string]string{}
	for _, name := range []string{
		"Nats-X", "nats-x", "NATS-X", "Gq-Nats-X", "gq-Nats-X", "GQ-nats-x", "Gq-Gq-Nats-X", "gq-Gq-nats-x",
		"Geomq-Time", "geomq-form", "Gq-Geomq-Time", "Gq-A", "A", "Gq-", "nats", "Natsy-X",
	} {
		header, _ := roundTrip(t, Entry{Offset: 1, Subject: []byte("s"), Header: []byte("NATS/1.0\r\n" + name + ": v\r\n\r\n")})
		if other, ok := seen[string(header)]; ok {
			t.Errorf("%q and %q are stored alike", name, other)
		}
		seen[string(header)] = name
	}
}

func TestOddHeaderBlocksTravelInTheBody(t *testing.T) {
	for name, block := range map[string]string{
		"empty":             "NATS/1.0\r\n\r\n",
		"status":            "NATS/1.0 503 No Responders\r\n\r\n",
		"no end":            "NATS/1.0\r\nA: 1",
		"not nats":          "HTTP/1.1\r\nA: 1\r\n\r\n",
		"nothing":           "",
		"over 60 KiB":       "NATS/1.0\r\nA: " + strings.Repeat("x", 61<<10) + "\r\n\r\n",
		"grows beyond 2 KB": "NATS/1.0\r\n" + strings.Repeat("nats-a:b\r\n", 1000) + "\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			e := Entry{Offset: 5, Time: -3, Subject: []byte("s"), Header: []byte(block), Body: []byte("body")}
			header, body := roundTrip(t, e)
			if !bytes.Contains(header, []byte(enveloped)) {
				t.Errorf("stays a header: %q", header)
			}
			if grown := len(header) + len(body) - len(e.Header) - len(e.Body); grown > 4<<10 {
				t.Errorf("grew by %d bytes, an origin keeps 4 KiB free", grown)
			}
		})
	}
}

func TestSubjectsThatCannotBePublishedAgainTravelInTheBody(t *testing.T) {
	for subject, want := range map[string]string{
		"orders.*": "orders.%2a", "orders.>": "orders.%3e", "orders.\x01": "orders.%01", "a\x00b.c": "%610062.c", "orders..x": "orders.%.x",
		"orders.a b": "orders.%612062", ".": "%.%", "": "%", "orders.a*b": "orders.a*b", "orders.x>": "orders.x>", "orders.%2a": "orders.%2a",
	} {
		for _, header := range [][]byte{nil, {}, []byte("NATS/1.0\r\nNats-Msg-Id: 1\r\n\r\n")} {
			e := Entry{Offset: 5, Time: 7, Subject: []byte(subject), Header: header, Body: []byte("body")}
			roundTrip(t, e)
			if stored, _, _ := e.Stored(nil); string(stored) != want {
				t.Errorf("%q is stored under %q, want %q", subject, stored, want)
			}
		}
	}
}

func TestAnEntryUnderAnotherSubjectIsRefused(t *testing.T) {
	e := Entry{Offset: 5, Subject: []byte("orders.*"), Body: []byte("body")}
	_, header, body := e.Stored(nil)
	for _, subject := range []string{"orders.*", "orders.%2b", "orders.a"} {
		if _, err := FromStored(5, []byte(subject), header, body); err == nil {
			t.Errorf("taken from %s", subject)
		}
	}
}

func TestDamagedStoredFormsAreRefused(t *testing.T) {
	e := Entry{Offset: 5, Time: 9, Subject: []byte("s"), Header: []byte("NATS/1.0\r\nNats-Msg-Id: 1\r\n\r\n")}
	_, header, body := e.Stored(nil)
	for name, damaged := range map[string][]byte{
		"another offset": bytes.Replace(header, []byte("Sequence: 4"), []byte("Sequence: 3"), 1),
		"no time":        bytes.Replace(header, []byte("Geomq-Time"), []byte("Geomq-Tame"), 1),
		"cut off":        bytes.TrimSuffix(header, []byte("\r\n")),
		"cut to nothing": header[:bytes.Index(header, []byte("Gq-"))],
		"not escaped":    bytes.Replace(header, []byte("Gq-"), nil, 1),
		"plain":          e.Header,
		"nothing":        nil,
	} {
		if _, err := FromStored(5, nil, damaged, body); err == nil {
			t.Errorf("%s: taken as an entry", name)
		}
	}
}

func FuzzStored(f *testing.F) {
	f.Add(uint64(1), int64(0), []byte("s"), []byte(nil), []byte("b"))
	f.Add(uint64(9), int64(-1), []byte("s"), []byte("NATS/1.0\r\nNats-Msg-Id: 1\nnats-x:\r\n\r\nGq-nats-:\r\n\r\n"), []byte(""))
	f.Fuzz(func(t *testing.T, offset uint64, when int64, subject, header, body []byte) {
		offset = offset>>1 + 1
		if len(header) == 0 && offset%2 == 0 {
			header = nil
		}
		e := Entry{Offset: geo.Offset(offset), Time: when, Subject: subject, Header: header, Body: body}
		stored, _ := roundTrip(t, e)
		if got := Value(stored, "Nats-Expected-Last-Sequence"); string(got) != fmt.Sprint(offset-1) {
			t.Errorf("fence %q at offset %d", got, offset)
		}
	})
}

// FuzzFromStored feeds bytes that nothing of ours wrote.
func FuzzFromStored(f *testing.F) {
	_, header, body := (&Entry{Offset: 3, Subject: []byte("s"), Header: []byte("NATS/1.0 1\r\n\r\n")}).Stored(nil)
	f.Add(uint64(3), header, body)
	f.Fuzz(func(t *testing.T, offset uint64, header, body []byte) {
		e, err := FromStored(geo.Offset(offset), nil, header, body)
		if err != nil {
			return
		}
		if _, again, _ := e.Stored(nil); len(again) == 0 {
			t.Error("an entry without a stored form")
		}
	})
}

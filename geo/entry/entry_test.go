package entry

import (
	"bytes"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestGeomqsOwnHeadersCanNotBeForged: a producer that sends our headers must not
// be able to change what a replica's entry means.
func TestGeomqsOwnHeadersCanNotBeForged(t *testing.T) {
	for _, name := range []string{"Geomq-Time", "Geomq-Form", "geomq-form", "GEOMQ-X"} {
		block := []byte("NATS/1.0\r\n" + name + ": enveloped\r\n\r\n")
		header, _ := roundTrip(t, Entry{Offset: 3, Subject: []byte("s"), Time: 42, Header: block, Body: []byte("x")})
		if !bytes.Contains(header, []byte("\r\nGq-"+name+": ")) {
			t.Errorf("%s stands unescaped in %q", name, header)
		}
	}
}

// TestEveryPartOfAnEntryCounts changes one thing at a time.
func TestEveryPartOfAnEntryCounts(t *testing.T) {
	base := Entry{Offset: 5, Time: 6, Subject: []byte("ab"), Header: []byte("cd"), Body: []byte("ef")}
	changed := map[string]func(*Entry){
		"offset":                     func(e *Entry) { e.Offset++ },
		"time":                       func(e *Entry) { e.Time++ },
		"subject":                    func(e *Entry) { e.Subject = []byte("aB") },
		"header":                     func(e *Entry) { e.Header = []byte("cD") },
		"body":                       func(e *Entry) { e.Body = []byte("eF") },
		"no header":                  func(e *Entry) { e.Header = nil },
		"empty header":               func(e *Entry) { e.Header = []byte{} },
		"subject's end in header":    func(e *Entry) { e.Subject, e.Header = []byte("a"), []byte("bcd") },
		"header's end in body":       func(e *Entry) { e.Header, e.Body = []byte("c"), []byte("def") },
		"header in body, none there": func(e *Entry) { e.Header, e.Body = nil, []byte("cdef") },
	}
	var h Hasher
	seen := map[Digest]string{h.Entry(&base): "the entry itself"}
	for name, change := range changed {
		e := base.Clone()
		change(&e)
		digest := h.Entry(&e)
		if other, ok := seen[digest]; ok {
			t.Errorf("%s: the digest is that of %s", name, other)
		}
		seen[digest] = name
	}
}

func TestCombineTellsOrderAndHoles(t *testing.T) {
	a, b := Digest{1}, Digest{2}
	seen := map[Digest]bool{}
	for _, digests := range [][]Digest{nil, {a}, {b}, {a, b}, {b, a}, {a, {}, b}, {a, b, {}}, {{}, a, b}} {
		seen[Combine(digests)] = true
	}
	if len(seen) != 8 {
		t.Errorf("8 stretches have %d digests", len(seen))
	}
}

func TestClonesShareNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := Entry{Subject: []byte("s"), Header: rapid.SampledFrom([][]byte{nil, {}, []byte("h")}).Draw(t, "header"), Body: []byte("b")}
		c := e.Clone()
		if !same(&c, &e) {
			t.Fatalf("%+v is cloned as %+v", e, c)
		}
		c.Subject[0], c.Body[0] = 'x', 'x'
		if string(e.Subject)+string(e.Body) != "sb" {
			t.Fatal("a clone shares memory")
		}
	})
}

func TestValuesOfHeaders(t *testing.T) {
	block := []byte("NATS/1.0\r\nAB: 1\r\nA:  2 \r\nA: 3\r\na: 4\r\nE:\r\n\r\n")
	for name, want := range map[string]string{"A": "2", "AB": "1", "a": "4", "E": "", "NATS/1.0": "", "X": ""} {
		if got := Value(block, name); string(got) != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if Value(nil, "A") != nil || Value([]byte(strings.Repeat("A", 5)), "A") != nil {
		t.Error("a value out of nothing")
	}
}

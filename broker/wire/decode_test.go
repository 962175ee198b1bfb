package wire

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// everyOperation is a stream with each operation in each of its forms.
const everyOperation = "INFO {\"server_id\":\"S\"} \r\n" +
	"PING\r\nPONG\r\n+OK\r\n" +
	"MSG orders.created 1 5\r\nhello\r\n" +
	"MSG orders.created 7 _INBOX.a.1 0\r\n\r\n" +
	"HMSG orders.created 18446 12 12\r\nNATS/1.0\r\n\r\n\r\n" +
	"HMSG a 3 b.c 23 29\r\nNATS/1.0\r\na:1\r\na: 2\r\n\r\nbo\r\ndy\r\n" +
	"MSG a\t9   12\r\nPING\r\nMSG a \r\n" +
	"-ERR 'Permissions Violation for Publish to \"x\"'\r\n" +
	"PING\r\n"

// printed is an operation as text, so that streams compare and fail readably.
func printed(o *op) string {
	return fmt.Sprintf("%d sid=%d subject=%q reply=%q(%t) header=%q(%t) body=%q text=%q", o.kind, o.sid,
		o.msg.Subject, o.msg.Reply, o.msg.Reply != nil, o.msg.Header, o.msg.Header != nil, o.msg.Body, o.text)
}

// decodeSlices feeds a stream in slices and returns what came out before the
// first error.
func decodeSlices(t testing.TB, bufferSize, maxMessage int, slices ...[]byte) (ops []string, failed error) {
	t.Helper()
	in := newInbound(bufferSize, maxMessage)
	for _, slice := range slices {
		for len(slice) > 0 {
			room := in.free()
			if len(room) == 0 {
				t.Fatal("free returned no room: reading would spin")
			}
			n := copy(room, slice)
			in.add(n)
			slice = slice[n:]
			for {
				o := op{}
				if err := in.next(&o); err != nil {
					return ops, err
				}
				if o.kind == kindNone {
					break
				}
				ops = append(ops, printed(&o))
			}
		}
	}
	return ops, nil
}

func TestTheSameStreamSplitAnywhereGivesTheSameOperations(t *testing.T) {
	stream := []byte(everyOperation)
	want, err := decodeSlices(t, 4096, 1<<20, stream)
	if err != nil || len(want) != 11 {
		t.Fatalf("whole stream: %d operations, %v:\n%s", len(want), err, strings.Join(want, "\n"))
	}
	for first := range stream {
		for second := first; second < len(stream); second++ {
			got, err := decodeSlices(t, 16, 1<<20, stream[:first], stream[first:second], stream[second:])
			if err != nil || strings.Join(got, "\n") != strings.Join(want, "\n") {
				t.Fatalf("split at %d and %d: %v\n%s", first, second, err, strings.Join(got, "\n"))
			}
		}
	}
}

func TestAnOperationIsOutAsSoonAsItsLastByteIsIn(t *testing.T) {
	stream, in := []byte(everyOperation), newInbound(16, 1<<20)
	for start := 0; start < len(stream); {
		var whole, o op
		length, _, err := decode(stream[start:], 1<<20, &whole)
		if err != nil {
			t.Fatal(err)
		}
		for i, c := range stream[start : start+length] {
			in.free()[0] = c
			in.add(1)
			if err := in.next(&o); err != nil || (o.kind != kindNone) != (i == length-1) {
				t.Fatalf("byte %d of %d of %s: kind %d, %v", i+1, length, printed(&whole), o.kind, err)
			}
		}
		start += length
	}
}

func TestDecodedPartsAreExactlyThoseOfTheMessage(t *testing.T) {
	var o op
	stream := []byte("HMSG a 3 b.c 23 29\r\nNATS/1.0\r\na:1\r\na: 2\r\n\r\nbo\r\ndy\r\nPING\r\n")
	n, _, err := decode(stream, 1000, &o)
	if err != nil || o.kind != kindMsg || o.sid != 3 || string(stream[n:]) != "PING\r\n" {
		t.Fatalf("kind %d, sid %d, took %d, %v", o.kind, o.sid, n, err)
	}
	for _, part := range []struct{ name, want, got string }{
		{"subject", "a", string(o.msg.Subject)},
		{"reply", "b.c", string(o.msg.Reply)},
		{"header", "NATS/1.0\r\na:1\r\na: 2\r\n\r\n", string(o.msg.Header)},
		{"body", "bo\r\ndy", string(o.msg.Body)},
	} {
		if part.got != part.want {
			t.Errorf("%s: %q, want %q", part.name, part.got, part.want)
		}
	}
	before := string(stream)
	_ = append(o.msg.Subject, "XXX"...)
	_ = append(o.msg.Header, "XXX"...)
	_ = append(o.msg.Body, "XXX"...)
	if string(stream) != before {
		t.Error("appending to a part of a message overwrote the bytes behind it")
	}
}

func TestWhatIsNotTheProtocolIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		stream string
		want   error
	}{
		"another protocol":            {"HTTP/1.1 400 Bad Request\r\n", ErrProtocol},
		"garbage without a line end":  {"\x16\x03\x01", ErrProtocol},
		"bare line feed":              {"PING\n", ErrProtocol},
		"lower case":                  {"ping\r\n", ErrProtocol},
		"verb run into its argument":  {"MSGa 1 0\r\n\r\n", ErrProtocol},
		"too few words":               {"MSG a 1\r\n", ErrProtocol},
		"too many words":              {"MSG a 1 r x 0\r\n\r\n", ErrProtocol},
		"far too many words":          {"HMSG a 1 r 0 0 0 0 0\r\n\r\n", ErrProtocol},
		"sid is no number":            {"MSG a b 0\r\n\r\n", ErrProtocol},
		"negative size":               {"MSG a 1 -1\r\n\r\n", ErrProtocol},
		"size overflows":              {"MSG a 1 99999999999999999999\r\n", ErrProtocol},
		"header longer than all":      {"HMSG a 1 13 12\r\nNATS/1.0\r\n\r\n\r\n", ErrProtocol},
		"payload longer than told":    {"MSG a 1 4\r\nhello\r\n", ErrProtocol},
		"payload shorter than told":   {"MSG a 1 6\r\nhello\r\nPING\r\n", ErrProtocol},
		"message above the limit":     {"MSG a 1 1001\r\n", ErrTooLarge},
		"header message above it too": {"HMSG a 1 0 999999999999999999\r\n", ErrTooLarge},
		"endless line":                {"INFO " + strings.Repeat("x", maxLine), ErrProtocol},
		"long line with its end":      {"INFO " + strings.Repeat("x", maxLine) + "\r\n", ErrProtocol},
	} {
		t.Run(name, func(t *testing.T) {
			ops, err := decodeSlices(t, 64, 1000, []byte(c.stream))
			if !errors.Is(err, c.want) {
				t.Errorf("got %v after %v, want %v", err, ops, c.want)
			}
		})
	}
}

func TestAnAnnouncedSizeAloneGetsNoMemory(t *testing.T) {
	in := newInbound(64, 1<<30)
	received := []byte("MSG a 1 1000000000\r\n" + strings.Repeat("b", 1000))
	for rest := received; len(rest) > 0; {
		n := copy(in.free(), rest)
		in.add(n)
		rest = rest[n:]
		var o op
		if err := in.next(&o); err != nil || o.kind != kindNone {
			t.Fatalf("kind %d, %v", o.kind, err)
		}
	}
	if in.free(); len(in.buf) > 4*len(received) {
		t.Errorf("a buffer of %d bytes for %d bytes received", len(in.buf), len(received))
	}
}

func TestAnOutsizedBufferShrinksOnceItsMessageIsGone(t *testing.T) {
	in := newInbound(1024, 1<<30)
	body := strings.Repeat("b", keepBuffer+1)
	rest := []byte(fmt.Sprintf("MSG a 1 %d\r\n%s\r\nPIN", len(body), body))
	for len(rest) > 0 {
		n := copy(in.free(), rest)
		in.add(n)
		rest = rest[n:]
	}
	var o op
	if err := in.next(&o); err != nil || len(o.msg.Body) != len(body) {
		t.Fatalf("%d bytes of body, %v", len(o.msg.Body), err)
	}
	in.free()
	if len(in.buf) != 1024 {
		t.Errorf("buffer stays at %d bytes", len(in.buf))
	}
	in.add(copy(in.free(), "G\r\n"))
	if err := in.next(&o); err != nil || o.kind != kindPing {
		t.Errorf("what followed the large message was lost: kind %d, %v", o.kind, err)
	}
}

func TestStatus(t *testing.T) {
	for header, want := range map[string]struct {
		code int
		text string
	}{
		"NATS/1.0 503\r\n\r\n":                        {503, ""},
		"NATS/1.0 100 FlowControl Request\r\n\r\n":    {100, "FlowControl Request"},
		"NATS/1.0 409  Message Size \r\nA: b\r\n\r\n": {409, "Message Size"},
		"NATS/1.0\r\nStatus: 503\r\n\r\n":             {},
		"NATS/1.0 50\r\n\r\n":                         {},
		"NATS/1.0 503":                                {},
		"":                                            {},
	} {
		code, text := (&Msg{Header: []byte(header)}).Status()
		if code != want.code || text != want.text {
			t.Errorf("%q: %d %q, want %d %q", header, code, text, want.code, want.text)
		}
	}
}

// FuzzDecode holds that foreign bytes never panic, never make the buffer
// outgrow what arrived, and mean the same however they are sliced.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(everyOperation), uint64(3))
	f.Add([]byte("MSG a 1 999\r\n"), uint64(1))
	f.Add([]byte("HMSG a 1 5 4\r\n12345\r\n"), uint64(7))
	f.Add([]byte("-ERR\r\n+OK \r\nMSG  \r\n"), uint64(2))
	f.Fuzz(func(t *testing.T, stream []byte, seed uint64) {
		whole, wholeErr := decodeSlices(t, 1<<16, 1000, stream)
		sliced, slicedErr := decodeSlices(t, 16, 1000, slicesOf(stream, seed)...)
		if strings.Join(whole, "\n") != strings.Join(sliced, "\n") {
			t.Errorf("whole:\n%s\nsliced:\n%s", strings.Join(whole, "\n"), strings.Join(sliced, "\n"))
		}
		for _, kind := range []error{ErrProtocol, ErrTooLarge} {
			if errors.Is(wholeErr, kind) != errors.Is(slicedErr, kind) {
				t.Errorf("whole: %v, sliced: %v", wholeErr, slicedErr)
			}
		}
	})
}

// slicesOf cuts the stream into pieces of 1 to 32 bytes.
func slicesOf(stream []byte, seed uint64) (slices [][]byte) {
	for len(stream) > 0 {
		seed = seed*6364136223846793005 + 1442695040888963407
		n := min(len(stream), 1+int(seed>>59))
		slices, stream = append(slices, stream[:n]), stream[n:]
	}
	return slices
}

// FuzzPublish holds that no subject, reply, header or body that is accepted
// can be read as anything but one message.
func FuzzPublish(f *testing.F) {
	f.Add("orders.created", "", []byte(nil), []byte("body"))
	f.Add("a", "b", []byte("NATS/1.0\r\n\r\n"), []byte("\r\nPUB x 0\r\n\r\n"))
	f.Add("a\r\nPUB", "b c", []byte{}, []byte{})
	f.Fuzz(func(t *testing.T, subject, reply string, header, body []byte) {
		if checkSubject(subject) != nil || checkWord(reply) != nil {
			return
		}
		sent := appendPub(nil, subject, reply, header, body)
		// A PUB line differs from a MSG line only by the missing sid.
		verb, rest, _ := bytes.Cut(sent, []byte("PUB "+subject))
		received := []byte(string(verb) + "MSG " + subject + " 1" + string(rest))
		var o op
		n, _, err := decode(received, 1<<30, &o)
		if err != nil || o.kind != kindMsg || n != len(received) {
			t.Fatalf("%q: kind %d, %d of %d bytes, %v", received, o.kind, n, len(received), err)
		}
		if string(o.msg.Subject) != subject || string(o.msg.Reply) != reply ||
			!bytes.Equal(o.msg.Header, header) || !bytes.Equal(o.msg.Body, body) {
			t.Errorf("sent %q, received %s", sent, printed(&o))
		}
	})
}

// TestAConnectionAtRestTakesLittle: the buffer grows for a busy connection and
// shrinks again when nothing has come for a while.
func TestAConnectionAtRestTakesLittle(t *testing.T) {
	in := newInbound(128<<10, 1<<20)
	if len(in.free()) > restBuffer {
		t.Fatalf("%d bytes before anything has come", len(in.buf))
	}
	in.add(copy(in.free(), strings.Repeat("+OK\r\n", 1000)))
	for o := (op{kind: kindOK}); o.kind == kindOK; {
		if err := in.next(&o); err != nil {
			t.Fatal(err)
		}
	}
	if room := in.free(); len(room) < 120<<10 {
		t.Fatalf("room for %d bytes where more came than there was room for", len(room))
	}
	if in.rest(); len(in.buf) < 128<<10 || in.pending() != 1 {
		t.Fatal("the begun operation was dropped")
	}
	in.add(copy(in.free(), "OK\r\n"))
	for o := (op{kind: kindOK}); o.kind == kindOK; {
		if err := in.next(&o); err != nil {
			t.Fatal(err)
		}
	}
	if in.rest(); len(in.buf) > restBuffer {
		t.Errorf("%d bytes at rest", len(in.buf))
	}
}

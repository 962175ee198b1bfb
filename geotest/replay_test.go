package geotest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"geomq/admin"
)

// Somebody on the path has recorded a session of a link and sends all its messages
// again, into the next session: to the sink, to the source, and the hello, so that
// another source answers. All of it is refused and counted, and the link goes on.
func TestMessagesOfACaptureAreSentAgain(t *testing.T) {
	r := StartRegions(t, Options{Regions: []string{"us-east", "eu-west"}})
	load := StartWorkload(t, r, 200, seedOf(t), "us-east")
	reached(t, load, "eu-west", "us-east", 100)
	path := r.path(t, "eu-west", "us-east")
	old := capture(t, r, load, path)
	live := capture(t, r, load, path)
	if len(old.toSink) < 5 || len(old.toSource) == 0 || len(old.hello) == 0 || live.token == old.token {
		t.Fatalf("the captures are %d and %d messages with tokens %s and %s", len(old.toSink), len(old.toSource), old.token, live.token)
	}
	before := refusals(t, r)
	nc, err := nats.Connect(r.site(t, "us-east").NATS, nats.UserInfo(old.user, old.password))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	say := func(subject, reply string, data []byte) {
		t.Helper()
		if err := nc.PublishMsg(&nats.Msg{Subject: subject, Reply: reply, Data: data}); err != nil {
			t.Fatal(err)
		}
	}
	for _, data := range old.toSink {
		say(live.sink(), "", data)
	}
	for _, data := range old.toSource {
		say(live.source(), "", data)
	}
	for _, data := range old.hello {
		say(openSubject, live.sink(), data)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	r.AwaitLink(t, 20*time.Second, "eu-west", "us-east", "streaming after it refused something", func(l admin.Link) bool {
		return l.State == admin.LinkStreaming && total(l.Refused) > before
	})
	end, err := load.end(t.Context(), "eu-west", "us-east")
	if err != nil {
		t.Fatal(err)
	}
	reached(t, load, "eu-west", "us-east", end+100)
	settled(t, r, load)
}

// captured is what one session said.
type captured struct {
	user, password, token   string
	toSink, toSource, hello [][]byte
}

func (c captured) sink() string   { return sessions + c.token + ".k" }
func (c captured) source() string { return sessions + c.token + ".s" }

// Subjects of sessions, as package natslink documents them.
const (
	sessions    = "geomq.l."
	openSubject = "geomq.open"
)

// capture lets the link begin a new session, and returns what was said in it until
// some hundred entries have passed.
func capture(t *testing.T, r *Regions, load *Workload, path *Proxy) captured {
	t.Helper()
	end := path.Capture()
	path.Reset()
	path.Heal()
	from, err := load.end(t.Context(), "eu-west", "us-east")
	if err != nil {
		t.Fatal(err)
	}
	reached(t, load, "eu-west", "us-east", from+200)
	r.AwaitLink(t, 10*time.Second, "eu-west", "us-east", "streaming", func(l admin.Link) bool { return l.State == admin.LinkStreaming })
	var best captured
	for _, tape := range end() {
		c := captured{token: tokenOf(tape.Up()), user: field(tape.Up(), "user"), password: field(tape.Up(), "pass")}
		for subject, data := range messages(tape.Up()) {
			switch {
			case subject == openSubject:
				c.hello = append(c.hello, data...)
			case subject == c.source():
				c.toSource = append(c.toSource, data...)
			}
		}
		c.toSink = messages(tape.Down())[c.sink()]
		if len(c.toSink) > len(best.toSink) {
			best = c
		}
	}
	return best
}

var tokenPattern = regexp.MustCompile(`SUB ` + regexp.QuoteMeta(sessions) + `([^.\s]+)\.k`)

func tokenOf(up []byte) string {
	if found := tokenPattern.FindSubmatch(up); found != nil {
		return string(found[1])
	}
	return ""
}

// field is one of CONNECT's.
func field(up []byte, name string) string {
	for line := range strings.Lines(string(up)) {
		if text, ok := strings.CutPrefix(line, "CONNECT "); ok {
			var fields map[string]any
			if json.Unmarshal([]byte(text), &fields) == nil {
				return fmt.Sprint(fields[name])
			}
		}
	}
	return ""
}

// messages reads the published or delivered messages of one direction of a NATS
// connection, by subject, up to one that was cut off.
func messages(stream []byte) map[string][][]byte {
	found := map[string][][]byte{}
	in := bufio.NewReader(bytes.NewReader(stream))
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return found
		}
		fields := strings.Fields(line)
		if len(fields) < 3 || fields[0] != "PUB" && fields[0] != "MSG" {
			continue
		}
		var size int
		if _, err := fmt.Sscan(fields[len(fields)-1], &size); err != nil {
			return found
		}
		data := make([]byte, size+2)
		if _, err := io.ReadFull(in, data); err != nil {
			return found
		}
		found[fields[1]] = append(found[fields[1]], data[:size])
	}
}

func refusals(t *testing.T, r *Regions) uint64 {
	t.Helper()
	l, err := r.Link(t, "eu-west", "us-east")
	if err != nil {
		t.Fatal(err)
	}
	return total(l.Refused)
}

func total(counts map[string]uint64) uint64 {
	var sum uint64
	for _, n := range counts {
		sum += n
	}
	return sum
}

package geotest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
)

// EventsVariable names a file of NDJSON events, compressed with gzip or not, for
// tests that want real ones.
const EventsVariable = "GEOMQ_EVENTS"

// Event is one event and the key by which its producer orders it.
type Event struct {
	Key  string
	Body []byte
}

// Events returns n events: those of the file that GEOMQ_EVENTS names, again with
// other times, users and amounts where it holds fewer, or made-up edits of an
// encyclopedia of about the same size and variety where it names none.
func Events(t testing.TB, n int) []Event {
	t.Helper()
	rng := rand.New(rand.NewPCG(1, 2))
	path := os.Getenv(EventsVariable)
	if path == "" {
		events := make([]Event, n)
		for i := range events {
			events[i] = madeUp(rng, i)
		}
		return events
	}
	events := read(t, path, n)
	for i, real := 0, len(events); len(events) < n; i++ {
		events = append(events, vary(t, rng, events[i%real], i, i/real))
	}
	return events
}

func read(t testing.TB, path string, most int) []Event {
	f, err := os.Open(path)
	if err != nil {
		t.Fatalf("%s: %v", EventsVariable, err)
	}
	defer f.Close()
	var in io.Reader = bufio.NewReader(f)
	if strings.HasSuffix(path, ".gz") {
		if in, err = gzip.NewReader(in); err != nil {
			t.Fatalf("%s: %v", EventsVariable, err)
		}
	}
	var events []Event
	for lines := bufio.NewScanner(in); len(events) < most && lines.Scan(); {
		body := bytes.Clone(lines.Bytes())
		var fields struct{ Page string }
		if err := json.Unmarshal(body, &fields); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		events = append(events, Event{Key: fields.Page, Body: body})
	}
	return events
}

// vary makes another event of one: number i, in the given round through the
// file. Time goes on, amounts differ, and each round has users of its own who
// come as often as those of the file.
func vary(t testing.TB, rng *rand.Rand, e Event, i, round int) Event {
	var fields map[string]any
	if err := json.Unmarshal(e.Body, &fields); err != nil {
		t.Fatal(err)
	}
	fields["time"] = moment(rng, i)
	fields["delta"], fields["added"] = rng.IntN(4000)-1000, rng.IntN(3000)
	fields["user"] = fmt.Sprint(fields["user"], round)
	body, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	return Event{Key: e.Key, Body: body}
}

// moment is when event i happened: about two seconds after the one before.
func moment(rng *rand.Rand, i int) string {
	return time.Unix(1_700_000_000+int64(2*i), rng.Int64N(1e9)).UTC().Format("2006-01-02T15:04:05.000Z")
}

var syllables = strings.Fields("ba ce di fo gu ha je ki lo mu na pe ri so tu va we xi yo zu bran cor del fen gor hal ist jor kel lum mor nor")

func word(rng *rand.Rand) string {
	var b strings.Builder
	for range 2 + rng.IntN(3) {
		b.WriteString(syllables[rng.IntN(len(syllables))])
	}
	return b.String()
}

func words(rng *rand.Rand, n int) string {
	all := make([]string, n)
	for i := range all {
		all[i] = word(rng)
	}
	return strings.Join(all, " ")
}

func madeUp(rng *rand.Rand, i int) Event {
	page := words(rng, 1+rng.IntN(3))
	body, _ := json.Marshal(map[string]any{ // plain values only
		"time": moment(rng, i), "channel": "#" + syllables[rng.IntN(12)] + ".encyclopedia", "page": page, "number": i,
		"user": word(rng) + fmt.Sprint(rng.IntN(100)), "comment": words(rng, rng.IntN(16)),
		"delta": rng.IntN(4000) - 1000, "added": rng.IntN(3000), "deleted": rng.IntN(100), "namespace": "Main",
		"isRobot": rng.IntN(3) == 0, "isMinor": rng.IntN(4) == 0, "isNew": rng.IntN(20) == 0, "isAnonymous": rng.IntN(10) == 0,
		"isUnpatrolled": rng.IntN(15) == 0, "cityName": nil, "countryIsoCode": nil, "countryName": nil, "metroCode": nil, "regionName": nil,
	})
	return Event{Key: page, Body: body}
}

package events

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// parse takes a line as an event; it need not have a key.
func parse(line []byte) (Event, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(line, &fields); err != nil {
		return Event{}, err
	}
	return Event{Key: text(fields[KeyField]), Body: line}, nil
}

// text is a JSON string's value, or whatever else stands there as it is written.
func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	return string(raw)
}

// vary makes another event of one: number i, in the given round through the
// file. Time goes on, amounts differ, and each round has users of its own who
// come as often as those of the file. An event without any of these fields is
// told apart by its round.
func vary(rng *rand.Rand, e Event, i, round int) Event {
	var fields map[string]json.RawMessage
	_ = json.Unmarshal(e.Body, &fields) // parse has done it before
	varied := false
	set := func(name string, other any) {
		if _, ok := fields[name]; ok {
			fields[name], varied = encoded(other), true
		}
	}
	set("time", moment(i))
	set("delta", rng.IntN(4000)-1000)
	set("added", rng.IntN(3000))
	set("user", text(fields["user"])+strconv.Itoa(round))
	if !varied {
		fields["round"] = encoded(round)
	}
	return Event{Key: e.Key, Body: encoded(fields)}
}

// encoded is v as JSON; only what always has a JSON form is given.
func encoded(v any) json.RawMessage {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return raw
}

// moment is when event i happened: about two seconds after the one before.
func moment(i int) string {
	nanos := int64(uint32(i)*2654435761) % 1e9 // no two alike, and no order to them
	return time.Unix(1_700_000_000+int64(2*i), nanos).UTC().Format("2006-01-02T15:04:05.000Z")
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

// madeUp is event i of those that no file gives.
func madeUp(rng *rand.Rand, i int) Event {
	page := words(rng, 1+rng.IntN(3))
	return Event{Key: page, Body: encoded(map[string]any{
		"time": moment(i), "channel": "#" + syllables[rng.IntN(12)] + ".encyclopedia", "page": page, "number": i,
		"user": word(rng) + fmt.Sprint(rng.IntN(100)), "comment": words(rng, rng.IntN(16)),
		"delta": rng.IntN(4000) - 1000, "added": rng.IntN(3000), "deleted": rng.IntN(100), "namespace": "Main",
		"isRobot": rng.IntN(3) == 0, "isMinor": rng.IntN(4) == 0, "isNew": rng.IntN(20) == 0, "isAnonymous": rng.IntN(10) == 0,
		"isUnpatrolled": rng.IntN(15) == 0, "cityName": nil, "countryIsoCode": nil, "countryName": nil, "metroCode": nil, "regionName": nil,
	})}
}

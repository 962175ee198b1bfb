package client

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"geomq/geo"
)

func TestText(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	r := Received{
		Origin: "us-east", Stream: "ORDERS@us-east", Offset: 12345, Subject: "orders.created.Foo",
		Time: now.Add(-3100 * time.Microsecond), Arrived: now,
	}
	for _, c := range []struct {
		body  string
		width int
		want  string
	}{
		{`{"page":"Foo \"x\""}`, 0, `{"page":"Foo \"x\""}`},
		{"two\nlines\x1b[31m", 0, `two\nlines\x1b[31m`},
		{"東京タワー", 2, "東京…"},
		{"", 0, ""},
		{"\xff\xfe", 0, "(2 bytes, not text)"},
	} {
		r.Body = []byte(c.body)
		if got, want := r.Text(c.width), "us-east  12,345  orders.created.Foo  age 3.1 ms  "+c.want; got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	r.Origin, r.Body, r.Damage = "", nil, errors.New("broken")
	if got := r.Text(0); got != "ORDERS@us-east  12,345  orders.created.Foo  age 3.1 ms    damaged: broken" {
		t.Errorf("%q", got)
	}
}

func TestJSON(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 5, time.UTC)
	r := Received{
		Origin: "us-east", Stream: "ORDERS@us-east", Offset: 7, Subject: "s", MsgID: "id", Replica: true,
		Header: map[string][]string{"A": {"1", "2"}}, Body: []byte("x\n"), Time: now, Arrived: now.Add(time.Second / 2),
	}
	got, err := r.JSON()
	want := `{"origin":"us-east","stream":"ORDERS@us-east","offset":7,"time":"2026-03-01T12:00:00.000000005Z","age_seconds":0.5,` +
		`"subject":"s","msg_id":"id","replica":true,"headers":{"A":["1","2"]},"body":"x\n"}`
	if err != nil || string(got) != want {
		t.Errorf("%s, %v", got, err)
	}
	r.Body = []byte{0xff}
	var fields map[string]any
	got, _ = r.JSON()
	if err := json.Unmarshal(got, &fields); err != nil || fields["body_base64"] != "/w==" || fields["body"] != nil {
		t.Errorf("%s, %v", got, err)
	}
}

func TestNumbersForPeople(t *testing.T) {
	for n, want := range map[uint64]string{0: "0", 999: "999", 1000: "1,000", 12345: "12,345", 1234567890: "1,234,567,890"} {
		if got := Thousands(n); got != want {
			t.Errorf("%d is %q", n, got)
		}
	}
	for d, want := range map[time.Duration]string{
		0: "0 ms", 3 * time.Microsecond: "3.0 µs", 3140 * time.Microsecond: "3.1 ms", 42 * time.Millisecond: "42 ms",
		9960 * time.Millisecond: "10 s", 5 * time.Minute: "5.0 min", 49 * time.Hour: "2.0 d", -time.Second: "-1.0 s",
	} {
		if got := Short(d); got != want {
			t.Errorf("%s is %q, want %q", d, got, want)
		}
	}
}

func TestParseStart(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]Start{
		"": FromBeginning(), "beginning": FromBeginning(), "new": FromNew(), "12": FromOffset(geo.Offset(12)),
		"2026-03-01T11:00:00Z": FromTime(now.Add(-time.Hour)), "90s": FromTime(now.Add(-90 * time.Second)),
	} {
		if got, err := ParseStart(text, now); err != nil || got != want {
			t.Errorf("%q is %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"0", "-1", "-5m", "yesterday", "1e3"} {
		if got, err := ParseStart(text, now); !errors.Is(err, ErrStart) {
			t.Errorf("%q is %+v, %v", text, got, err)
		}
	}
}

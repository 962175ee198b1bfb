package control

import (
	"errors"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"geomq/geo"
)

func record(key, log string, offset geo.Offset) Record {
	return Record{Kind: LogOpened, Key: key, Region: "us-east", At: time.Unix(1, 0).UTC(), Log: log, Offset: offset, Text: key}
}

func TestARecordComesBackAsItWas(t *testing.T) {
	want := record("log/ORDERS@us-east", "ORDERS@us-east", 9)
	want.Epoch, want.Node = 3, "us-east-1"
	b, err := want.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := Decode(b)
	if err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	later := strings.Replace(string(b), "{", `{"later":{"x":1},`, 1)
	if got, err := Decode([]byte(later)); err != nil || got != want {
		t.Errorf("with a field of a later version: %+v, %v", got, err)
	}
}

func TestWhatIsNoRecordIsRefused(t *testing.T) {
	for name, b := range map[string]string{
		"nothing":                 "",
		"no kind":                 `{"key":"k","region":"r"}`,
		"a kind that is a filter": `{"kind":"*","key":"k","region":"r"}`,
		"no key":                  `{"kind":"k","region":"r"}`,
		"no region":               `{"kind":"k","key":"k"}`,
		"an offset of nothing":    `{"kind":"k","key":"k","region":"r","offset":1}`,
		"endless":                 `{"kind":"k","key":"k","region":"r","text":"` + strings.Repeat("x", maxRecord) + `"}`,
	} {
		if _, err := Decode([]byte(b)); !errors.Is(err, ErrRecord) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestARecordWaitsForTheLogItNames: the word that an epoch began at offset 50
// must not be seen where the log has come to 49.
func TestARecordWaitsForTheLogItNames(t *testing.T) {
	var g Gate
	g.Add(Placed{Record: record("a", "ORDERS@us-east", 50)})
	g.Add(Placed{Record: record("b", "", 0)})
	g.Add(Placed{Record: record("c", "ORDERS@us-east", 10)}) // behind a held one of the same log
	g.Add(Placed{Record: record("d", "ELSEWHERE@us-east", 99)})
	at := geo.Offset(49)
	standing := func(log string) Standing {
		return Standing{Held: log == "ORDERS@us-east", Last: at, Epochs: geo.FirstEpochs()}
	}
	if got := texts(records(g.Release(standing))); got != "b d" {
		t.Errorf("released %q while the log stands at 49", got)
	}
	at = 50
	if got := texts(records(g.Release(standing))); got != "a c" || g.Held() != 0 {
		t.Errorf("released %q when the log had come to 50, %d are left", got, g.Held())
	}
	next := record("e", "ORDERS@us-east", 20)
	next.Epoch = 2
	g.Add(Placed{Record: next})
	if got := texts(records(g.Release(standing))); got != "" {
		t.Errorf("released %q of an epoch that is not known here", got)
	}
}

func TestAGateLosesNothingAndKeepsTheOrderOfALog(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var g Gate
		ends := map[string]geo.Offset{}
		standing := func(log string) Standing { return Standing{Held: true, Last: ends[log], Epochs: geo.FirstEpochs()} }
		added, released := map[string][]string{}, map[string][]string{}
		for i := range rapid.IntRange(1, 60).Draw(t, "steps") {
			log := rapid.SampledFrom([]string{"A@x", "B@x", ""}).Draw(t, "log")
			if rapid.Bool().Draw(t, "advance") {
				ends[log] += geo.Offset(rapid.IntRange(0, 5).Draw(t, "by"))
			} else {
				offset := geo.Offset(0)
				if log != "" {
					offset = geo.Offset(rapid.IntRange(0, 20).Draw(t, "offset"))
				}
				r := record(strings.Repeat("k", i+1), log, offset)
				g.Add(Placed{Record: r})
				added[log] = append(added[log], r.Key)
			}
			for _, r := range g.Release(standing) {
				if r.Log != "" && ends[r.Log] < r.Offset {
					t.Fatalf("%s was shown at %d of %d", r.Key, ends[r.Log], r.Offset)
				}
				released[r.Log] = append(released[r.Log], r.Key)
			}
		}
		ends = map[string]geo.Offset{"A@x": 20, "B@x": 20}
		for _, r := range g.Release(standing) {
			released[r.Log] = append(released[r.Log], r.Key)
		}
		for log := range added {
			if strings.Join(added[log], " ") != strings.Join(released[log], " ") {
				t.Fatalf("%q: added %v, released %v", log, added[log], released[log])
			}
		}
	})
}

func TestStateIsWrittenAgainBeforeRetentionForgetsIt(t *testing.T) {
	var l Latest
	start := time.Unix(1000, 0)
	l.Put(record("old", "", 0), start)
	if before, replaced := l.Put(record("old", "ORDERS@us-east", 1), start); !replaced || before.Log != "" {
		t.Errorf("the first record is not replaced: %+v", before)
	}
	l.Put(record("new", "", 0), start.Add(40*time.Minute))
	if got := texts(l.Due(start.Add(time.Hour), 2*time.Hour)); got != "old" {
		t.Errorf("due after half the retention: %q", got)
	}
}

func FuzzDecode(f *testing.F) {
	b, _ := record("k", "ORDERS@us-east", 1).Encode()
	f.Add(b)
	f.Add([]byte(`{"kind":"k","key":"k","region":"r","at":"x"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := Decode(b)
		if err != nil {
			return
		}
		if _, err := r.Encode(); err != nil && len(b) < maxRecord/8 {
			t.Errorf("%q is read but can't be written: %v", b, err)
		}
	})
}

func texts(records []Record) string {
	var all []string
	for _, r := range records {
		all = append(all, r.Text)
	}
	return strings.Join(all, " ")
}

func records(placed []Placed) (all []Record) {
	for _, p := range placed {
		all = append(all, p.Record)
	}
	return all
}

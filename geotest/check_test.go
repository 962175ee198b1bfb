package geotest

import (
	"slices"
	"strings"
	"testing"
	"time"

	"geomq/geo"
)

func entry(offset uint64, key string) Held {
	return Held{Offset: offset, Key: key, What: See("s", key, nil)}
}

// four is the history of four entries that were published and acknowledged.
func four() (*History, []Held) {
	h := NewHistory()
	good := []Held{entry(1, "1"), entry(2, "2"), entry(3, "3"), entry(4, "4")}
	for _, e := range good {
		h.Sent(e.Key)
		h.Acked(e.Key, e.Offset)
	}
	return h, good
}

// The checker is the judge of everything else here, so each thing that it has to
// find is put before it once.
func TestTheCheckerFindsEachBreak(t *testing.T) {
	_, good := four()
	for _, c := range []struct {
		name, want string
		holds      []Held
		before     func(*History)
	}{
		{name: "nothing", holds: good},
		{"beginning lost", "I1: r lacks 1 acknowledged at offsets 1, before its beginning 2 (prefix)", good[1:], nil},
		{"middle lost", "I1: r lacks 2 acknowledged at offsets 2–3, amid what it holds (middle)", []Held{good[0], good[3]}, nil},
		{"end lost", "I1: r lacks 2 acknowledged at offsets 3–4, beyond its end 2 (postfix)", good[:2], nil},
		{"all lost", "I1: r lacks 4 acknowledged at offsets 1–4, beyond its end 0 (postfix)", nil, nil},
		{"gap", "I5: r shows offset 3 behind 1", []Held{good[0], good[2], good[3]}, nil},
		{"twice", "I2: r holds key 4 at offset 4 and at 5", append(good[:4:4], entry(5, "4")), nil},
		{"never published", `I2: r holds key "9" at offset 5, which nobody published`, append(good[:4:4], entry(5, "9")), nil},
		{"out of order", "I3: r holds 2 at offset 3 behind a later one", []Held{good[0], entry(2, "3"), entry(3, "2"), good[3]}, nil},
		{"elsewhere than acknowledged", "I4: r holds 3 at offset 2, acknowledged was 3", []Held{good[0], entry(2, "3"), entry(3, "2"), good[3]}, nil},
		{"shown otherwise before", "I4/I5: at offset 2 r holds another entry than elsewhere showed at ", good,
			func(h *History) { h.Saw("elsewhere", 2, Seen{1}) }},
		{"shown twice, differently", "I4/I5: at offset 2 elsewhere showed at ", good,
			func(h *History) { h.Saw("r", 2, good[1].What); h.Saw("elsewhere", 2, Seen{1}) }},
		{"shown and gone", "I5: nobody holds any more what was shown at offsets 5", good,
			func(h *History) { h.Saw("elsewhere", 5, Seen{1}) }},
		{"acknowledged twice", "I2: key 2 was acknowledged at offset 2 and at 7", good,
			func(h *History) { h.Acked("2", 7); h.Acked("2", 2) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, _ := four()
			if c.before != nil {
				c.before(h)
			}
			mustSay(t, c.want, h.Check([]Holding{{Region: "r", Entries: c.holds}}, placeOf))
		})
	}
}

func mustSay(t *testing.T, want string, err error) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Errorf("nothing is wrong, but: %v", err)
	case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
		t.Errorf("want %q, got %v", want, err)
	}
}

// Holes are offsets that something names: an epoch table, or the test.
func TestTheCheckerKnowsHoles(t *testing.T) {
	h, good := four()
	h.Sent("5")
	h.Acked("5", 105)
	second := geo.Epochs{{Number: 1, First: 1}, {Number: 2, PrevEnd: 4, First: 105}}
	holds := append(good[:4:4], entry(105, "5"))
	mustSay(t, "", h.Check([]Holding{{Region: "r", Entries: holds, Epochs: second}}, placeOf))
	mustSay(t, "I5: r shows offset 105 behind 4", h.Check([]Holding{{Region: "r", Entries: holds, Epochs: geo.FirstEpochs()}}, placeOf))
	mustSay(t, "I4: the epochs are", h.Check([]Holding{{Region: "r", Entries: holds, Epochs: second},
		{Region: "s", Entries: holds, Epochs: geo.Epochs{{Number: 1, First: 1}, {Number: 2, PrevEnd: 4, First: 104}}}}, placeOf))
	_, err := h.Judge([]Holding{{Region: "r", Entries: holds}}, Terms{Holes: geo.Ranges{{First: 5, Last: 104}}})
	mustSay(t, "", err)
	_, err = h.Judge([]Holding{{Region: "r", Entries: holds}}, Terms{Holes: geo.Ranges{{First: 4, Last: 104}}})
	mustSay(t, "I5: r holds an entry at offset 4, which is to be a hole", err)
}

// What a disk lost before any other region had shown it is counted. What another
// one has shown must be there, or in a ledger.
func TestTheCheckerCountsWhatHarmedDisksTook(t *testing.T) {
	began := time.Now()
	lossy := func() (*History, []Held) {
		h, good := four()
		h.Saw("replica", 1, good[0].What)
		h.Saw("replica", 2, good[1].What)
		h.Harmed(h.Origin, began.Add(-time.Minute))
		return h, good
	}
	h, good := lossy()
	account, err := h.Judge([]Holding{{Region: "r", Entries: good[:2]}}, Terms{})
	mustSay(t, "", err)
	if want := (geo.Ranges{{First: 3, Last: 4}}); !slices.Equal(account.Nowhere, want) {
		t.Errorf("nowhere are %v, not %v", account.Nowhere, want)
	}
	h, good = lossy()
	_, err = h.Judge([]Holding{{Region: "r", Entries: good[:1]}}, Terms{})
	mustSay(t, "I1: r lacks 1 acknowledged at offsets 2, beyond its end 1 (postfix)", err)
	h, good = lossy()
	account, err = h.Judge([]Holding{{Region: "r", Entries: good[:1]}}, Terms{Ledger: map[uint64]string{2: "2", 3: "3"}})
	mustSay(t, "", err)
	if account.Ledger != 2 || account.Nowhere.Len() != 1 {
		t.Errorf("the account is %+v", account)
	}
	h, good = lossy()
	_, err = h.Judge([]Holding{{Region: "r", Entries: good[:2]}}, Terms{Ledger: map[uint64]string{4: "3"}})
	mustSay(t, `I4: a ledger holds "3" at offset 4, acknowledged was 4`, err)
	h, good = lossy()
	_, err = h.Judge([]Holding{{Region: "r", Entries: good[:2]}, {Region: "s", Entries: good[:3]}}, Terms{})
	mustSay(t, "I1: r lacks 1 acknowledged at offsets 3, beyond its end 2 (postfix)", err)
}

// A region that lost its newest goes on at higher offsets. What lies between was
// not shown by it.
func TestTheCheckerForgetsNothingButWhatWasHarmed(t *testing.T) {
	w := &witness{}
	at := func(second int) time.Time { return time.Unix(int64(second), 0) }
	for i := 1; i <= 10; i++ {
		w.saw(geo.Offset(i), at(i))
	}
	w.harmed(at(7))
	for _, o := range []geo.Offset{1, 2, 3, 100, 101, 1, 2, 102} { // from the beginning again, behind a hole
		w.saw(o, at(20))
	}
	if want := (geo.Ranges{{First: 1, Last: 6}, {First: 100, Last: 102}}); !slices.Equal(w.shown, want) {
		t.Errorf("it has shown %v, not %v", w.shown, want)
	}
	w.harmed(time.Time{})
	if len(w.shown) > 0 {
		t.Errorf("it has lost everything, and still shown %v", w.shown)
	}
}

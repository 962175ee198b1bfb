package geotest

import (
	"strings"
	"testing"
)

// The checker is the judge of everything else here, so each thing that it has to
// find is put before it once.
func TestTheCheckerFindsEachBreak(t *testing.T) {
	entry := func(offset uint64, key string) Held { return Held{Offset: offset, Key: key, What: See("s", key, nil)} }
	good := []Held{entry(1, "1"), entry(2, "2"), entry(3, "3"), entry(4, "4")}
	for _, c := range []struct {
		name, want string
		holds      []Held
		before     func(*History)
	}{
		{name: "nothing", holds: good},
		{"beginning lost", "I1: r lacks 1, acknowledged at offset 1 before its beginning 2", good[1:], nil},
		{"middle lost", "I1: r lacks 2, acknowledged at offset 2 amid", []Held{good[0], good[2], good[3]}, nil},
		{"end lost", "I1: r lacks 4, acknowledged at offset 4 beyond its end 3", good[:3], nil},
		{"all lost", "I1: r lacks 1, acknowledged at offset 1 beyond its end 0", nil, nil},
		{"gap", "I5: r shows offset 3 behind 1", []Held{good[0], good[2], good[3]}, nil},
		{"twice", "I2: r holds key 4 at offset 4 and at 5", append(good[:4:4], entry(5, "4")), nil},
		{"never published", `I2: r holds key "9" at offset 5, which nobody published`, append(good[:4:4], entry(5, "9")), nil},
		{"out of order", "I3: r holds 2 at offset 3 behind a later one", []Held{good[0], entry(2, "3"), entry(3, "2"), good[3]}, nil},
		{"elsewhere than acknowledged", "I4: r holds 3 at offset 2, acknowledged was 3", []Held{good[0], entry(2, "3"), entry(3, "2"), good[3]}, nil},
		{"shown otherwise before", "I4/I5: r holds another entry at offset 2 than was shown there", good,
			func(h *History) { h.Saw("elsewhere", 2, Seen{1}) }},
		{"shown twice, differently", "I4/I5: elsewhere shows another entry at offset 2", good,
			func(h *History) { h.Saw("r", 2, good[1].What); h.Saw("elsewhere", 2, Seen{1}) }},
		{"acknowledged twice", "I2: key 2 was acknowledged at offset 2 and at 7", good,
			func(h *History) { h.Acked("2", 7); h.Acked("2", 2) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := NewHistory()
			for _, e := range good {
				h.Sent(e.Key)
				h.Acked(e.Key, e.Offset)
			}
			if c.before != nil {
				c.before(h)
			}
			err := h.Check([]Holding{{Region: "r", Entries: c.holds}}, placeOf)
			switch {
			case c.want == "" && err != nil:
				t.Errorf("nothing is wrong, but: %v", err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("want %q, got %v", c.want, err)
			}
		})
	}
}

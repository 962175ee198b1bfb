package geo

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestRegionsAreDNSLabels(t *testing.T) {
	for _, good := range []string{"us-east", "a", "eu1", strings.Repeat("a", 63)} {
		if r, err := ParseRegion(good); err != nil || string(r) != good {
			t.Errorf("%q: %q, %v", good, r, err)
		}
	}
	for _, bad := range []string{"", "-a", "a-", "US", "a.b", "a_b", "a@b", "ü", "all", strings.Repeat("a", 64), "a b", "a\n"} {
		if _, err := ParseRegion(bad); !errors.Is(err, ErrRegion) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestLogNamesLeaveRoomForQueuesAndRegions(t *testing.T) {
	for _, good := range []string{"ORDERS", "orders_v2", "A-b", "A-1x", "a--b", strings.Repeat("A", 64)} {
		if l, err := ParseLogName(good); err != nil || string(l) != good {
			t.Errorf("%q: %q, %v", good, l, err)
		}
	}
	for _, bad := range []string{"", "A.B", "A@b", "ORDERS-0", "X-99999999999999999999", "GEOMQ", "geomq_x", "A B", "Ä", strings.Repeat("A", 65)} {
		if _, err := ParseLogName(bad); !errors.Is(err, ErrLogName) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// TestAStreamNamesOneCommitLog is rule 1 for names: two CommitLogs never share a
// stream, and the stream tells which it is.
func TestAStreamNamesOneCommitLog(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringMatching(`[A-Z_][A-Za-z0-9_-]{0,20}`).Draw(t, "log")
		log, err := ParseLogName(name)
		if err != nil {
			t.Skip(name)
		}
		origin := Region(rapid.StringMatching(`[a-z]([a-z0-9-]{0,10}[a-z0-9])?`).Filter(func(s string) bool { return s != "all" }).Draw(t, "origin"))
		want := CommitLog{Log: log, Queue: Queue(rapid.IntRange(-1, 2000).Draw(t, "queue")), Origin: origin}
		got, err := ParseCommitLog(want.Stream())
		if err != nil || got != want || got.String() != want.Stream() {
			t.Fatalf("%s: %+v, %v", want.Stream(), got, err)
		}
	})
	for _, bad := range []string{"", "ORDERS", "@us", "ORDERS@", "ORDERS@US", "A@b@c", "ORDERS-007@us", "ORDERS-@us-", "GEOMQ-0@us", "GEOMQX@us", "A-99999999999999999999@us", "A.B@us"} {
		if c, err := ParseCommitLog(bad); !errors.Is(err, ErrCommitLog) {
			t.Errorf("%q: %+v, %v", bad, c, err)
		}
	}
	if c, err := ParseCommitLog("GEOMQ@us"); err != nil || c != ControlLog("us") || !c.Control() {
		t.Errorf("a region's control log: %+v, %v", c, err)
	}
	if SoleQueue.Label() != "0" || Queue(3).Label() != "3" {
		t.Error("labels of queues")
	}
}

func FuzzParseCommitLog(f *testing.F) {
	for _, s := range []string{"ORDERS@us-east", "ORDERS-0@us-east", "A-1-2@b", "@", "-0@a", "A-00@b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, stream string) {
		if c, err := ParseCommitLog(stream); err == nil && c.Stream() != stream {
			t.Errorf("%q is read as %q", stream, c.Stream())
		}
	})
}

func TestTopicsThatALogMayCapture(t *testing.T) {
	for _, good := range []string{"orders.>", "orders.*.eu", "a", "orders.{x}", "geomqx.a"} {
		if _, err := ParseTopic(good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{"", ">", "*", "*.a", "a..b", ".a", "a.", "a.>.b", "$JS.a", "_INBOX.x", "geomq.x", "GeoMQ", "a b", "a\tb", "a.\xff"} {
		if _, err := ParseTopic(bad); !errors.Is(err, ErrTopic) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestOverlapsOfTopics(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"a.>", "a.b", true}, {"a.>", "a", false}, {"a.>", "a.b.c", true}, {"a.*", "a.b", true}, {"a.*", "a.b.c", false},
		{"a.*.c", "a.b.*", true}, {"a.*.c", "a.b.d", false}, {"a.b", "a.b", true}, {"a.b", "a.c", false}, {"a.>", "a.*.c", true}, {"x.>", "a.>", false},
	} {
		if Topic(c.a).Overlaps(Topic(c.b)) != c.want || Topic(c.b).Overlaps(Topic(c.a)) != c.want {
			t.Errorf("%s and %s: want %t", c.a, c.b, c.want)
		}
	}
}

// TestOverlapsAgainstAnOracle tries every short subject.
func TestOverlapsAgainstAnOracle(t *testing.T) {
	var subjects []string
	for _, a := range []string{"a", "b"} {
		subjects = append(subjects, a)
		for _, b := range []string{"a", "b"} {
			subjects = append(subjects, a+"."+b, a+"."+b+".a", a+"."+b+".b")
		}
	}
	topic := rapid.Map(rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "*"}), 1, 3), func(tokens []string) string { return strings.Join(tokens, ".") })
	rapid.Check(t, func(t *rapid.T) {
		a, b := Topic(topic.Draw(t, "a")), Topic(topic.Draw(t, "b"))
		if rapid.Bool().Draw(t, "tail") && strings.Count(string(a), ".") < 2 {
			a += ".>"
		}
		want := false
		for _, s := range subjects {
			want = want || a.Matches(s) && b.Matches(s)
		}
		if got := a.Overlaps(b); got != want {
			t.Fatalf("%s and %s: %t, want %t", a, b, got, want)
		}
	})
}

package node

import (
	"errors"
	"testing"
	"time"

	"geomq/geo"
)

// TestALookIsDueBeforeALogCanOutrunItsNote plays what a server takes in against
// what is looked at.
func TestALookIsDueBeforeALogCanOutrunItsNote(t *testing.T) {
	for _, c := range []struct {
		name  string
		count uint64 // now; 10,000 at the last look
		err   error
		ago   time.Duration
		again bool
		want  due
	}{
		{name: "nothing has come", count: 10_000, want: notDue},
		{name: "no more than may pass unseen", count: 10_000 + unseen, want: notDue},
		{name: "more than that", count: 10_001 + unseen, want: motionDue},
		{name: "the server has begun to count anew", count: 3, want: motionDue},
		{name: "the server does not tell", err: errors.New("it is busy"), want: motionDue},
		{name: "a log was seen to grow", count: 10_000, again: true, want: motionDue},
		{name: "it is long ago", count: 10_000, ago: tailRest, want: restDue},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := tailWatch{at: time.Now().Add(-c.ago), count: 10_000}
			w.again.Store(c.again)
			if got := w.due(c.count, c.err); got != c.want {
				t.Errorf("%v, not %v", got, c.want)
			}
			if c.want != notDue && (time.Since(w.at) > time.Second/2 || w.count != c.count) {
				t.Error("the next look is not reckoned from this one")
			}
		})
	}
}

// TestTheArithmeticOfTheTailWatch holds the sum in its comment.
func TestTheArithmeticOfTheTailWatch(t *testing.T) {
	const peak, leastHeadroom = 300_000, 50_000
	allowed := leastHeadroom/2 + margin
	grown := func(pulse time.Duration) int { return int(peak * pulse / time.Second) }
	for pulse, unnoticed := range map[time.Duration]int{tailPulse: 3 * unseen, clusterTailPulse: 0} {
		slack := time.Duration(allowed-unnoticed-grown(pulse)) * time.Second / peak
		if slack < 100*time.Millisecond {
			t.Errorf("with a pulse of %s a look has to be written down within %s", pulse, slack)
		}
	}
}

func TestATailKnowsHowFastItsLogGrows(t *testing.T) {
	var tail tail
	now := time.Now()
	if grown, rate := tail.note(1_000_000, now); grown != 0 || rate != 0 {
		t.Errorf("the first look saw it grow by %d, %d per second", grown, rate)
	}
	if grown, rate := tail.note(1_030_000, now.Add(100*time.Millisecond)); grown != 30_000 || rate != 300_000 {
		t.Errorf("grown by %d, %d per second", grown, rate)
	}
	// Ten seconds later: nobody knows when they came, so they may have come at once.
	if grown, rate := tail.note(1_060_000, now.Add(10*time.Second)); grown != 30_000 || rate != 120_000 {
		t.Errorf("grown by %d, %d per second", grown, rate)
	}
	if grown, rate := tail.note(7, now.Add(11*time.Second)); grown != 0 || rate != 0 {
		t.Errorf("a log that lost its tail has grown by %d, %d per second", grown, rate)
	}
}

// TestAnOlderSightDoesNotReplaceANewerOne lets two answers overtake each other.
func TestAnOlderSightDoesNotReplaceANewerOne(t *testing.T) {
	var tail tail
	now := time.Now()
	tail.see(geo.Extent{Last: 20}, now)
	tail.see(geo.Extent{Last: 10}, now.Add(-time.Millisecond))
	if extent, ok := tail.seen(time.Minute); !ok || extent.Last != 20 {
		t.Errorf("%+v, %v", extent, ok)
	}
	if _, ok := tail.seen(time.Nanosecond); ok {
		t.Error("what was seen a while ago passes for new")
	}
	tail.forget()
	if _, ok := tail.seen(time.Minute); ok {
		t.Error("what was forgotten was seen")
	}
}

func TestWhatAServerSaysItHasTakenIn(t *testing.T) {
	answer := `{"server":{},"data":{"account_statz":[{"acc":"APP","sent":{"msgs":7},"received":{"msgs":42}}]}}`
	if got, err := decodeTakenIn([]byte(answer)); got != 42 || err != nil {
		t.Errorf("%d, %v", got, err)
	}
	for _, answer := range []string{"", "{}", `{"data":{"account_statz":[]}}`, `{"data":{"account_statz":[{"received":{}}]}}`, `{"error":{"code":500}}`} {
		if got, err := decodeTakenIn([]byte(answer)); err == nil {
			t.Errorf("%q means %d", answer, got)
		}
	}
}

func FuzzTakenIn(f *testing.F) {
	f.Add([]byte(`{"data":{"account_statz":[{"received":{"msgs":42}}]}}`))
	f.Add([]byte(`{"data":{"account_statz":[null]}}`))
	f.Fuzz(func(_ *testing.T, data []byte) { _, _ = decodeTakenIn(data) })
}

package lease

import (
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"geomq/geo/lease/clock"
)

var terms = Terms{Length: 2 * time.Second, Drift: 0.05}

func majorityOf(voters ...string) Quorum {
	return func(has func(string) bool) bool {
		n := 0
		for _, v := range voters {
			if has(v) {
				n++
			}
		}
		return n > len(voters)/2
	}
}

// TestTheHoldersPartEndsFirst plays one request, its answer, and the clocks of
// both sides: whatever their rates and the time on the way, the voter lets go when
// the holder has stopped.
func TestTheHoldersPartEndsFirst(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rate := rapid.Float64Range(1-terms.Drift, 1+terms.Drift)
		holderRate, voterRate := rate.Draw(t, "holder's rate"), rate.Draw(t, "voter's rate")
		sent := time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "sent"))
		way := time.Duration(rapid.Int64Range(0, int64(10*time.Second)).Draw(t, "on the way"))
		clockOf := func(rate float64, at time.Duration) time.Duration { return time.Duration(float64(at) * rate) }

		h := NewHolder(terms)
		number := h.Ask(clockOf(holderRate, sent), 1)
		g := NewGranter(terms, -terms.Wait())
		g.Grant(clockOf(voterRate, sent+way), "holder")
		h.Granted(Grant{Voter: "a", Under: 1, Number: number})

		ends := time.Duration(float64(h.Until(1, majorityOf("a"))) / holderRate)
		if early := ends - time.Microsecond; g.Lapsed(clockOf(voterRate, early), "another") {
			t.Fatalf("the voter has let go at %v, the holder serves until %v", early, ends)
		}
		late := sent + way + time.Duration(float64(terms.Wait())/(1-terms.Drift)) + time.Microsecond
		if !g.Lapsed(clockOf(voterRate, late), "another") {
			t.Fatalf("the voter does not let go by %v", late)
		}
	})
}

func TestALeaseLastsAsLongAsAQuorumsParts(t *testing.T) {
	h, enough := NewHolder(terms), majorityOf("a", "b", "c")
	grant := func(voter string, number, under uint64) { h.Granted(Grant{Voter: voter, Under: under, Number: number}) }
	first := h.Ask(100*time.Millisecond, 1)
	grant("a", first, 1)
	if h.Until(1, enough) != 0 {
		t.Error("one of three is enough")
	}
	second := h.Ask(500*time.Millisecond, 2)
	grant("b", second, 1)
	if got := h.Until(1, enough); got != 2100*time.Millisecond {
		t.Errorf("it lasts until %v: the older of two parts counts", got)
	}
	grant("a", second, 1)
	grant("a", first, 1) // late, and twice
	if got := h.Until(1, enough); got != 2500*time.Millisecond {
		t.Errorf("it lasts until %v", got)
	}
	if h.Scope(1, enough) != 2 {
		t.Errorf("scope %d", h.Scope(1, enough))
	}
	grant("c", 77, 1)
	grant("c", 0, 1)
	if got := h.Until(1, majorityOf("c")); got != 0 {
		t.Errorf("an answer to nothing counts until %v", got)
	}
	grant("c", second, 2)
	if got := h.Until(2, enough); got != 0 {
		t.Errorf("grants of two configurations count together, until %v", got)
	}
	grant("c", second, 3)
	if got := h.Until(1, enough); got != 0 {
		t.Errorf("grants of an old configuration are kept, until %v", got)
	}
}

func TestRequestsThatAreForgottenCountForNothing(t *testing.T) {
	h := NewHolder(terms)
	first := h.Ask(time.Second, 1)
	for range history {
		h.Ask(2*time.Second, 1)
	}
	h.Granted(Grant{Voter: "a", Under: 1, Number: first})
	if got := h.Until(1, majorityOf("a")); got != 0 {
		t.Errorf("it lasts until %v", got)
	}
}

func TestAVoterThatHasForgottenWaits(t *testing.T) {
	g := NewGranter(terms, 10*time.Second)
	if g.Lapsed(10*time.Second+terms.Wait()-1, "a") {
		t.Error("it votes before everything it may have granted has lapsed")
	}
	if !g.Lapsed(10*time.Second+terms.Wait(), "a") {
		t.Error("it waits for ever")
	}
	g.Grant(20*time.Second, "a")
	if !g.Lapsed(20*time.Second, "a") || g.Lapsed(20*time.Second, "b") {
		t.Error("the holder itself may claim anew, nobody else")
	}
	if left, holder := g.Left(21 * time.Second); left != terms.Wait()-time.Second || holder != "a" {
		t.Errorf("%v of %s", left, holder)
	}
	if g.Release(21*time.Second, "b"); g.Lapsed(21*time.Second, "b") {
		t.Error("another's word frees it")
	}
	if g.Release(21*time.Second, "a"); !g.Lapsed(21*time.Second, "b") {
		t.Error("a lease that was given back is kept")
	}
}

// TestAMasterThatWasStoppedSeesItFirst: nothing has to run for a Guard to notice.
func TestAMasterThatWasStoppedSeesItFirst(t *testing.T) {
	var c clock.Manual
	g := NewGuard(&c)
	if g.Valid() {
		t.Error("valid before anything was granted")
	}
	g.Extend(2 * time.Second)
	g.Extend(time.Second) // an older word comes late
	c.Advance(1999 * time.Millisecond)
	if !g.Valid() || g.Left() != time.Millisecond {
		t.Errorf("it has lapsed early, %v are left", g.Left())
	}
	c.Advance(30 * time.Second) // SIGSTOP
	if g.Valid() || g.Left() != 0 {
		t.Error("it serves upon waking")
	}
	g.Extend(40 * time.Second)
	if g.Fence(); g.Valid() {
		t.Error("it serves behind its fence")
	}
}

func TestTermsThatCantBe(t *testing.T) {
	for _, bad := range []Terms{{Length: -1}, {Drift: -0.1}, {Drift: 0.5}} {
		if err := bad.Validate(); !errors.Is(err, ErrTerms) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	if (Terms{}).Wait() != 0 || terms.Validate() != nil || terms.Wait() <= terms.Length {
		t.Error("terms")
	}
}

func TestGuardsAreCheap(t *testing.T) {
	g := NewGuard(clock.Boot())
	g.Extend(1 << 62)
	if n := testing.AllocsPerRun(100, func() { g.Valid() }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkValid(b *testing.B) {
	g := NewGuard(clock.Boot())
	g.Extend(1 << 62)
	for b.Loop() {
		g.Valid()
	}
}

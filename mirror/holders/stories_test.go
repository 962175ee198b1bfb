package holders

import (
	"slices"
	"strings"
	"testing"
	"time"

	"geomq/geo"
)

func TestWhileTheOriginIsWellNobodyIsAsked(t *testing.T) {
	w := three(t)
	w.at("us").rate = 1
	w.start().within(time.Second, "us").stays(time.Hour, "us")
	if w.asks != 0 || w.pulls != 1 {
		t.Errorf("%d asks, %d sessions", w.asks, w.pulls)
	}
	if v := w.c.View(w.now); v.Present != "us" || v.Why != "" || len(v.Holders) != 3 {
		t.Errorf("%+v", v)
	}
}

func TestABlackHoleIsBridgedWithinFiveSeconds(t *testing.T) {
	for offset := range 10 {
		w := three(t)
		w.start().run(time.Minute + time.Duration(offset)*100*time.Millisecond)
		for _, p := range w.places {
			p.last += 10
		}
		w.at("us").still = true // what was on its way is lost
		w.cut("us").within(patience+800*time.Millisecond, "eu").run(step)
		if w.applied != 1010 {
			w.fail("nothing comes from the relay")
		}
		if why := w.c.View(w.now).Why; why != "us does not answer" {
			t.Errorf("why: %s", why)
		}
	}
}

func TestALostConnectionIsBridgedWithinASecond(t *testing.T) {
	w := three(t)
	w.start().run(time.Minute)
	w.kill("us").within(time.Second, "eu").stays(time.Minute, "eu")
}

func TestAConnectionThatOnlyBreaksIsOpenedAgain(t *testing.T) {
	w := three(t)
	w.start().run(time.Minute)
	w.over(Failed, "lost")
	w.within(200*time.Millisecond, "us").stays(time.Minute, "us")
	if w.c.View(w.now).Switches != 0 {
		t.Error("the link went elsewhere")
	}
}

func TestTheLinkReturnsToAnOriginThatIsWellAgain(t *testing.T) {
	w := three(t)
	w.start().run(time.Minute)
	w.kill("us").run(30 * time.Second)
	w.heal("us").stays(time.Second, "eu").within(2500*time.Millisecond, "us").stays(time.Hour, "us")
	if s := w.c.View(w.now).Switches; s != 2 {
		t.Errorf("%d switches", s)
	}
}

func TestAnOriginThatIsBackButNotOpenIsLeftAlone(t *testing.T) {
	w := three(t)
	w.start().run(time.Minute)
	w.kill("us")
	w.at("us").ready = false
	w.run(10*time.Second).heal("us").stays(time.Minute, "eu")
	if why := w.c.View(w.now).Why; why != "us does not serve the log yet" {
		t.Errorf("why: %s", why)
	}
	w.at("us").ready = true
	w.within(3*time.Second, "us")
}

// An origin whose path comes and goes every few seconds would interrupt the link
// each time.
func TestAFlappingOriginIsLeftAloneMoreAndMore(t *testing.T) {
	for _, period := range []time.Duration{3 * time.Second, 5 * time.Second, 8 * time.Second, 20 * time.Second} {
		w := three(t)
		w.at("us").rate, w.at("eu").rate, w.at("ap").rate = 1, 1, 1
		w.start().run(10 * time.Second)
		for range 20 * time.Minute / (2 * period) {
			w.kill("us").run(period)
			w.heal("us").run(period)
		}
		if s := w.c.View(w.now).Switches; s > 14 {
			t.Errorf("period %s: %d switches in 20 minutes", period, s)
		}
		w.run(LongCalm+3*time.Second).stays(2*Steady, "us")
		w.kill("us").run(10*time.Second).heal("us").within(3*time.Second, "us") // all is forgotten
	}
}

// While an origin that flapped is let alone for long, its replicas have only each
// other, and nobody gets what it has taken since.
func TestAnOriginThatFlappedIsTriedWhereNobodyElseHasMore(t *testing.T) {
	for _, still := range []bool{false, true} { // relays that have more, and don't give it
		w := three(t)
		w.start().run(10 * time.Second)
		for range 10 {
			w.kill("us").run(5 * time.Second)
			w.heal("us").run(5 * time.Second)
		}
		w.kill("us").run(5 * time.Second)
		w.at("us").last += 1000
		patience := StallAfter + 2*time.Second
		if still {
			patience += StallAfter // for the second
			for _, relay := range []geo.Region{"eu", "ap"} {
				w.at(relay).last += 1000
				w.at(relay).still = true
			}
		}
		w.heal("us").within(patience, "us").run(time.Second)
		if w.applied != w.at("us").last {
			w.fail("the replica ends at %d", w.applied)
		}
	}
}

func TestEveryOrderOfDeathsLeavesTheLinkWithTheLiving(t *testing.T) {
	names := []geo.Region{"us", "eu", "ap", "sa"}
	for _, order := range permutations(names) {
		for _, hole := range []bool{false, true} {
			w := newWorld(t, names...)
			w.start().run(5 * time.Second)
			for i, name := range order[:3] {
				if hole {
					w.cut(name)
				} else {
					w.kill(name)
				}
				w.run(5 * time.Second)
				if !slices.Contains(order[i+1:], w.from()) {
					w.fail("order %v, black holes %t: %d have died, and the link streams from %q", order, hole, i+1, w.from())
				}
				w.run(3 * time.Second)
			}
			w.kill(order[3]).run(time.Minute).heal(order[1]).within(3*time.Second, order[1])
		}
	}
}

func permutations(names []geo.Region) [][]geo.Region {
	if len(names) == 0 {
		return [][]geo.Region{nil}
	}
	var all [][]geo.Region
	for i, first := range names {
		for _, rest := range permutations(slices.Delete(slices.Clone(names), i, i+1)) {
			all = append(all, append([]geo.Region{first}, rest...))
		}
	}
	return all
}

func TestTheFurthestIsTakenThenTheNearest(t *testing.T) {
	w := three(t)
	w.start().run(time.Minute)
	w.at("eu").last, w.at("ap").last = 1500, 1600
	w.kill("us").within(time.Second, "eu") // as good as ap, and nearer

	w = three(t)
	w.start().run(time.Minute)
	w.at("eu").last, w.at("ap").last = 1500, 2600
	w.kill("us").within(time.Second, "ap")

	w = three(t)
	w.start().run(time.Minute)
	w.at("eu").last, w.at("ap").last = 1000, 1001 // the nearer has nothing for us
	w.kill("us").within(time.Second, "ap")

	w = three(t)
	w.start().run(time.Minute)
	w.at("eu").last, w.at("ap").last = 900, 1000 // the nearer needs us
	w.kill("us").within(time.Second, "ap")
}

func TestARelayThatStallsIsLeft(t *testing.T) {
	w := three(t)
	w.start().run(time.Minute)
	w.kill("us").within(time.Second, "eu").run(10 * time.Second)
	w.at("eu").still = true
	w.at("eu").last, w.at("ap").last = 1100, 1100
	w.stays(StallAfter, "eu").within(1500*time.Millisecond, "ap").stays(time.Minute, "ap")
}

func TestAStallWithoutAnybodyBetterIsWaitedOut(t *testing.T) {
	w := newWorld(t, "us", "eu")
	w.start().run(time.Minute)
	w.at("us").still, w.at("us").last = true, 1100
	w.stays(time.Minute, "us") // the relay has no more than we have
	w.at("eu").last = 1100
	w.within(2*time.Second, "eu")
	w.at("us").still = false
	w.within(AvoidFor+3*time.Second, "us")
}

func TestARelayThatWasLeftIsBetterThanNone(t *testing.T) {
	w := three(t)
	w.start().run(time.Minute)
	w.kill("us").within(time.Second, "eu").run(10 * time.Second)
	w.at("eu").still = true
	w.at("eu").last, w.at("ap").last = 1100, 1100
	w.within(StallAfter+1500*time.Millisecond, "ap").run(time.Second)
	w.at("eu").still = false
	w.kill("ap").within(time.Second, "eu")
}

func TestARelayThatAnswersAsksButNoSessionsIsAvoided(t *testing.T) {
	w := three(t)
	w.at("eu").refuses = Failed
	w.start().run(time.Minute)
	w.kill("us").within(3*time.Second, "ap").stays(time.Minute, "ap")
}

func TestWhatWasToldLongAgoIsForgotten(t *testing.T) {
	w := three(t)
	w.start().run(time.Minute)
	w.kill("us").run(10 * time.Second).heal("us").run(time.Hour)
	w.cut("eu").kill("us").within(time.Second, "ap")
}

func TestTwoRelaysWithNothingForEachOtherSeeAThird(t *testing.T) {
	w := three(t)
	w.start().run(time.Minute)
	w.kill("us").within(time.Second, "eu").run(time.Minute)
	w.at("ap").last = 1001
	w.within(RelayEvery+StallAfter+time.Second, "ap")
}

func TestARelayFarBehindAnotherIsLeft(t *testing.T) {
	w := three(t)
	w.at("eu").rate, w.at("ap").rate = 10, 10
	w.at("eu").last, w.at("ap").last = 100_000, 100_000
	w.start().run(time.Minute)
	w.kill("us").within(time.Second, "eu").run(10 * time.Second)
	w.at("ap").last = w.at("eu").last + BehindEntries + 1000
	w.within(RelayEvery+AskEvery+time.Second, "ap").stays(time.Minute, "ap")
}

func TestARelayTenSecondsBehindAnotherIsLeft(t *testing.T) {
	for lag, left := range map[time.Duration]bool{5 * time.Second: false, 15 * time.Second: true} {
		w := three(t)
		w.at("eu").rate, w.at("ap").rate = 1, 1
		w.start().run(time.Minute)
		w.kill("us").within(time.Second, "eu").run(time.Second)
		w.at("ap").last = w.at("eu").last + geo.Offset(lag/step)
		w.run(BehindFor + RelayEvery + time.Second)
		if got := w.from() == "ap"; got != left {
			w.fail("%s behind: the link is with %s", lag, w.from())
		}
	}
}

func TestTwoRelaysThatTakeTurnsDoNotShakeTheLink(t *testing.T) {
	w := three(t)
	w.at("us").rate, w.at("eu").rate, w.at("ap").rate = 100, 100, 100 // 10,000 entries a second
	w.start().run(10 * time.Second)
	w.kill("us").within(time.Second, "eu")
	for i := range 300 {
		if i%2 == 0 {
			w.at("eu").last += 3000
		} else {
			w.at("ap").last += 3000
		}
		w.run(time.Second)
	}
	if s := w.c.View(w.now).Switches; s > 2 {
		t.Errorf("%d switches in five minutes", s)
	}
}

func TestARelayThatContradictsIsAvoidedAndDoesNotHaltTheLink(t *testing.T) {
	for _, class := range []Class{Contradicts, Lacks} {
		w := three(t)
		w.at("eu").refuses = class
		w.start().run(time.Minute)
		w.kill("us").within(time.Second, "ap")
		if w.c.Halted() {
			t.Error("halted")
		}
		eu := w.c.View(w.now).Holders[1]
		if eu.AvoidedUntil <= w.now || eu.AvoidedUntil > w.now+AvoidFor || eu.Avoided == "" {
			t.Errorf("%+v", eu)
		}
	}
}

func TestRelaysThatAllContradictLeaveTheLinkWithItsSilentOrigin(t *testing.T) {
	w := three(t)
	w.at("eu").refuses, w.at("ap").refuses = Contradicts, Contradicts
	w.start().run(time.Minute)
	w.kill("us").run(time.Minute)
	if w.c.Halted() {
		t.Error("the origin has not spoken")
	}
	w.heal("us").within(1500*time.Millisecond, "us")
}

func TestTheOriginsWordHaltsTheLink(t *testing.T) {
	w := three(t)
	w.start().run(time.Minute)
	w.at("us").refuses = Contradicts
	w.over(Failed, "lost")
	w.run(time.Second)
	pulls := w.pulls
	w.run(time.Minute)
	if !w.c.Halted() || w.pulls-pulls < 10 || w.pulls-pulls > 13 {
		t.Errorf("halted: %t, %d sessions in a minute", w.c.Halted(), w.pulls-pulls)
	}
	for _, line := range w.log {
		if strings.Contains(line, "pull from eu") || strings.Contains(line, "pull from ap") {
			t.Errorf("a relay is believed instead of the origin: %s", line)
		}
	}
	w.at("us").refuses = Left
	w.within(HaltFor+time.Second, "us").run(time.Second)
	if w.c.Halted() {
		t.Error("still halted")
	}
}

func TestWhatTheOriginLacksIsAskedForElsewhere(t *testing.T) {
	w := three(t)
	w.start().run(time.Minute)
	w.at("us").refuses = Lacks
	w.at("ap").last = 1500
	w.over(Failed, "lost")
	w.within(2*time.Second, "ap").run(time.Second)
	if w.applied != 1500 {
		w.fail("the gap is not passed")
	}
	w.at("us").refuses, w.at("us").last = Left, 1500
	w.within(AvoidFor+3*time.Second, "us")
}

func TestWhatAllLackHaltsTheLink(t *testing.T) {
	w := three(t)
	w.start().run(time.Minute)
	w.at("us").refuses = Lacks
	w.over(Failed, "lost")
	w.run(2 * time.Second)
	if !w.c.Halted() {
		w.fail("nobody has more, and the link is not halted")
	}
	asks := w.asks
	w.run(time.Minute)
	if n := w.asks - asks; !w.c.Halted() || n > 60 {
		t.Errorf("%d asks in a minute; halted: %t", n, w.c.Halted())
	}
	w.at("eu").last = 1500
	w.within(HaltFor+2*time.Second, "eu").run(time.Second)
	if w.c.Halted() {
		t.Error("still halted")
	}
}

func TestWithoutAnOriginTheFurthestIsPulledFrom(t *testing.T) {
	w := newWorld(t, "eu", "ap", "sa")
	w.cfg.NoOrigin = true
	w.at("ap").last = 5000
	w.start().within(time.Second, "ap").stays(time.Minute, "ap")

	w = newWorld(t, "eu", "ap")
	w.cfg.NoOrigin = true
	w.at("eu").refuses, w.at("ap").refuses = Contradicts, Lacks
	w.start().run(2 * time.Second)
	if !w.c.Halted() {
		w.fail("every holder contradicts, and the link is not halted")
	}
	pulls := w.pulls
	w.run(time.Minute)
	if n := w.pulls - pulls; n < 15 || n > 30 {
		t.Errorf("%d sessions in a minute", n)
	}
	w.at("ap").refuses = Left
	w.within(HaltFor+2*time.Second, "ap")
}

func TestAnUnfitReplicaHaltsWhoeverTheHolderIs(t *testing.T) {
	w := three(t)
	w.start().run(time.Minute)
	w.kill("us").within(time.Second, "eu")
	w.over(Unfit, "refused")
	w.run(2 * time.Second)
	if !w.c.Halted() {
		t.Error("not halted")
	}
}

func TestARelayWithAnOlderTableOrWithoutTheNextOffsetIsNotUsed(t *testing.T) {
	w := three(t)
	w.epochs = geo.Epochs{{Number: 1, PrevEnd: 0, First: 1}, {Number: 2, PrevEnd: 500, First: 900}}
	w.at("us").epochs, w.at("ap").epochs = w.epochs, w.epochs
	w.at("eu").last = 2000
	w.start().run(time.Minute)
	w.kill("us").within(time.Second, "ap").stays(time.Minute, "ap")

	w = three(t)
	w.start().run(time.Minute)
	w.at("eu").first, w.at("eu").last = 1500, 2000
	w.kill("us").within(time.Second, "ap").stays(time.Minute, "ap")
}

func TestALinkThatStartsWithADeadOriginGoesElsewhere(t *testing.T) {
	w := three(t)
	w.cut("us")
	w.start().within(1500*time.Millisecond, "eu")
}

func TestADistantOriginIsNotPassedOverAtTheStart(t *testing.T) {
	w := three(t)
	w.at("us").handshake = 700 * time.Millisecond
	w.start().stays(0, "").within(time.Second, "us").stays(time.Minute, "us")
	if w.c.View(w.now).Switches != 0 {
		t.Error("the link went elsewhere first")
	}
}

func TestAnOriginThatAnswersAsksButNoSessionsIsPassedOver(t *testing.T) {
	w := three(t)
	w.start().run(time.Minute)
	w.at("us").refuses = Failed
	w.over(Failed, "lost")
	w.within(2*time.Second, "eu").run(time.Second)
	switches := w.c.View(w.now).Switches
	w.run(10 * time.Minute)
	if n := w.c.View(w.now).Switches - switches; n > 0 {
		t.Errorf("%d switches", n)
	}
	w.at("us").refuses = Left
	w.within(LongCalm+3*time.Second, "us")
}

func TestWithoutAsksOnlyTheFirstIsUsed(t *testing.T) {
	w := three(t)
	w.cfg.Mute = true
	w.start().run(time.Minute)
	w.kill("us").run(time.Minute)
	pulls := w.pulls
	w.heal("us").within(time.Second, "us")
	if w.asks != 0 || pulls < 60 {
		t.Errorf("%d asks, %d sessions", w.asks, pulls)
	}
}

func TestADeadOriginCausesNoStorm(t *testing.T) {
	w := three(t)
	w.start().run(time.Minute)
	w.kill("us").run(10 * time.Second)
	asks, pulls := w.asks, w.pulls
	w.run(10 * time.Minute)
	if n := w.asks - asks; n > 600+200+10 || w.pulls != pulls {
		t.Errorf("%d asks and %d sessions in ten minutes", n, w.pulls-pulls)
	}
}

// The replica has entries of its origin that the origin has lost.
func TestAnOriginThatLostItsTailIsHeard(t *testing.T) {
	w := three(t)
	w.start().run(time.Minute)
	w.kill("us").run(10 * time.Second)
	w.at("us").last = 900
	w.heal("us").run(10 * time.Second)
	if !w.c.Halted() {
		w.fail("the origin says that it has less, and the link goes on with %q", w.from())
	}
	w.at("us").ready = false // it fetches its tail back
	w.at("us").last = 1000
	w.run(3 * time.Second)
	w.at("us").ready = true
	w.within(HaltFor+3*time.Second, "us")
}

func TestAnEndThatIsToldLateIsNoLostTail(t *testing.T) {
	w := three(t)
	w.start().run(time.Minute)
	w.kill("us").run(10 * time.Second)
	w.at("us").last = 999
	w.heal("us").run(1500 * time.Millisecond)
	w.at("us").last = 1000
	w.within(3*time.Second, "us")
	if slices.ContainsFunc(w.log, func(line string) bool { return strings.Contains(line, "ahead") }) {
		t.Error("the origin was pulled from too early")
	}
}

// An origin that came back in a new epoch, without entries of the old one, holds
// nothing before the epoch's first offset; but there is nothing to miss.
func TestAnOriginBeginsBehindTheOffsetsThatItsEpochSkips(t *testing.T) {
	w := three(t)
	w.start().run(time.Minute)
	w.kill("us").run(10 * time.Second)
	us := w.at("us")
	us.epochs = geo.Epochs{{Number: 1, First: 1}, {Number: 2, PrevEnd: w.applied, First: 51_001}}
	us.first, us.last = 51_001, 51_000
	w.heal("us").within(3*time.Second, "us").stays(time.Minute, "us")
}

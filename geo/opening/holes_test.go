package opening

import (
	"slices"
	"testing"
	"time"

	"geomq/geo"
)

// holed are the facts of an origin whose machine lost power, and what a look at its
// stream brings: 40…60 are lacking.
func holed() (Facts, Surveyed) {
	return powerCut(), Surveyed{Own: at(100), Lacking: only(40, 60)}
}

func only(first, last geo.Offset) geo.Ranges { return geo.Ranges{{First: first, Last: last}} }

// serves is a region that serves its copy and lacks some of it.
func serves(region geo.Region, e geo.Extent, lacking ...geo.Range) Told {
	return Told{Region: region, Exists: true, Extent: e, Ready: true, Looked: true, Lacking: lacking}
}

func TestOnlyADoubtfulTailIsLookedBehind(t *testing.T) {
	if m := New(usual()); m.Unsurveyed() {
		t.Error("a log that a process left is looked through")
	}
	f, look := holed()
	m := New(f)
	if !m.Unsurveyed() {
		t.Error("what a power cut left is not looked through")
	}
	if m.Step(look); m.Unsurveyed() {
		t.Error("it is looked through twice")
	}
	m = New(usual()) // the doubt comes from what another region tells
	if m.Step(has(eu, at(200))); !m.Unsurveyed() {
		t.Error("a tail that is refuted is not looked behind")
	}
}

func TestAHoleThatOthersCanFill(t *testing.T) {
	f, look := holed()
	m := New(f)
	wait := decide[Wait](t, m, look, serves(eu, at(80)))
	if !slices.Equal(wait.For, []geo.Region{ap}) {
		t.Errorf("waits for %v", wait.For)
	}
	says(t, wait.String(), "40…60", "ap-south", "open_wait")
	anew := decide[Anew](t, m, serves(ap, at(20)))
	if !slices.Equal(anew.Keep, only(81, 100)) || !slices.Equal(anew.From, []geo.Region{eu, ap}) {
		t.Errorf("%+v", anew)
	}
	says(t, anew.String(), "40…60", "made anew", "20 entries", "ledger")
	kept := []Kept{{1, geo.Range{First: 81, Last: 100}}}
	pull := decide[PullBack](t, m, Surveyed{Own: at(0), Kept: kept})
	if pull.First != 1 || pull.Through != 80 || !slices.Equal(pull.From, []geo.Region{eu}) {
		t.Errorf("%+v", pull)
	}
	back := decide[PutBack](t, m, PulledBack{at(80)})
	if back.Range != (geo.Range{First: 81, Last: 100}) {
		t.Errorf("%+v", back)
	}
	d := decide[NewEpoch](t, m, Returned{at(100)})
	if d.Epoch.PrevEnd != 100 || d.Epoch.First != 10_090+MinMargin+1 || d.Lost.AtLeast != 0 {
		t.Errorf("%+v", d)
	}
}

// What each of them lacks the other has, and the origin's own is between.
func TestAHoleIsFilledByPieces(t *testing.T) {
	f, look := holed()
	m := New(f)
	anew := decide[Anew](t, m, look,
		serves(eu, at(100), geo.Range{First: 50, Last: 70}), serves(ap, at(100), geo.Range{First: 20, Last: 49}, geo.Range{First: 65, Last: 80}))
	if !slices.Equal(anew.Keep, only(65, 70)) {
		t.Errorf("keeps %v", anew.Keep)
	}
	pull := decide[PullBack](t, m, Surveyed{Own: at(0), Kept: []Kept{{1, geo.Range{First: 65, Last: 70}}}})
	if pull.Through != 49 || pull.From[0] != eu {
		t.Errorf("%+v", pull)
	}
	pull = decide[PullBack](t, m, PulledBack{at(49)})
	if pull.First != 50 || pull.Through != 64 || pull.From[0] != ap {
		t.Errorf("%+v", pull)
	}
	decide[PutBack](t, m, PulledBack{at(64)})
	pull = decide[PullBack](t, m, Returned{at(70)})
	if pull.First != 71 || pull.Through != 100 || pull.From[0] != eu {
		t.Errorf("%+v", pull)
	}
}

func TestAHoleThatNobodyCanFill(t *testing.T) {
	f, look := holed()
	m := New(f)
	off := decide[WriteOff](t, m, look, serves(eu, at(39)), serves(ap, at(100), look.Lacking[0]))
	if !slices.Equal(off.Offsets, look.Lacking) {
		t.Errorf("writes off %v", off.Offsets)
	}
	says(t, off.String(), "21 acknowledged", "40…60", "none has them")
	d := decide[NewEpoch](t, m, Surveyed{Own: at(100), Lost: look.Lacking})
	if !slices.Equal(d.Nowhere, look.Lacking) || d.Lost != (Lost{Known: true, AtLeast: 21, AtMost: 9_990 + 21}) {
		t.Errorf("%+v", d)
	}
	says(t, d.String(), "21 acknowledged entries or more", "40…60")
}

// Some of it is somewhere: first the rest is written off, then the log made anew.
func TestAHoleThatCanBeFilledInPart(t *testing.T) {
	f, look := holed()
	m := New(f)
	off := decide[WriteOff](t, m, look, serves(eu, at(50)), serves(ap, at(30)))
	if !slices.Equal(off.Offsets, only(51, 60)) {
		t.Errorf("writes off %v", off.Offsets)
	}
	anew := decide[Anew](t, m, Surveyed{Own: at(100), Lacking: only(40, 50), Lost: only(51, 60)})
	if !slices.Equal(anew.Lacking, only(40, 50)) {
		t.Errorf("%+v", anew)
	}
}

func TestAHoleIsLeftWhereSomebodyIsSilent(t *testing.T) {
	f, look := holed()
	m := New(f)
	decide[Wait](t, m, look, serves(eu, at(39)), Silent{ap, "no route"})
	d := decide[NewEpoch](t, m, late(f))
	if lacking, why := m.Left(); !slices.Equal(lacking, look.Lacking) || why == "" {
		t.Errorf("leaves %v %q", lacking, why)
	}
	says(t, d.String(), "40…60", "ap-south", "accept-gap", "start the origin's node again")
	decide[Open](t, m, Made{at(d.Epoch.First-1, d.Epoch)})

	m = New(f) // who is of an older version does not tell what it lacks
	decide[NewEpoch](t, m, look, has(eu, at(100)), serves(ap, at(39)), late(f))
	m = New(f) // what somebody has it does not serve
	told := serves(eu, at(100))
	told.Ready = false
	decide[Wait](t, m, look, told, serves(ap, at(39)), Tick{10 * time.Second})
	decide[NewEpoch](t, m, late(f))
	m = New(f) // what contradicts can neither be taken nor passed over
	decide[NewEpoch](t, m, look, serves(eu, at(500, geo.Epoch{Number: 2, PrevEnd: 1, First: 2})), serves(ap, at(39)))
	m = New(f) // it is silent only about deletions
	decide[WriteOff](t, m, look, serves(eu, at(39)), serves(ap, at(39)))
	look.Refused = "eu-west did not tell which deletions it knows"
	says(t, decide[NewEpoch](t, m, look).String(), "deletions it knows")
}

// Whoever holds all of it is enough: the silent one can't have more.
func TestAHoleIsFilledWithoutWhoIsSilent(t *testing.T) {
	f, look := holed()
	decide[Anew](t, New(f), look, serves(eu, at(100)), late(f))
}

// What only the origin has begins an epoch that nobody else has come to.
func TestWhatIsPutBackMayBeginAnEpoch(t *testing.T) {
	f, look := holed()
	second := geo.Epoch{Number: 2, PrevEnd: 70, First: 95}
	f.Own = at(100, second)
	look.Own = f.Own
	m := New(f)
	anew := decide[Anew](t, m, look, serves(eu, at(70)), late(f))
	if !slices.Equal(anew.Keep, only(95, 100)) {
		t.Errorf("keeps %v", anew.Keep)
	}
	decide[PullBack](t, m, Surveyed{Own: at(0), Kept: []Kept{{2, geo.Range{First: 95, Last: 100}}}})
	back := decide[PutBack](t, m, PulledBack{at(70)})
	if back.Range.First != 95 || back.Table.Latest() != second {
		t.Errorf("%+v", back)
	}
	if d := decide[NewEpoch](t, m, Returned{at(100, second)}); d.Epoch.PrevEnd != 100 || d.Epoch.Number < 3 {
		t.Errorf("%+v", d)
	}
}

// The stream that was removed knew epochs that the new one has yet to learn.
func TestAnotherLifeIsNotTakenForALogMadeAnew(t *testing.T) {
	f, look := holed()
	own := geo.Epoch{Number: 2, PrevEnd: 30, First: 35}
	look.Own = at(100, own)
	m := New(f)
	decide[Anew](t, m, look, serves(eu, at(100, own)), late(f))
	other := at(300, geo.Epoch{Number: 9, PrevEnd: 10, First: 20})
	pull := decide[PullBack](t, m, Surveyed{Own: at(0)}, serves(ap, other))
	if !slices.Equal(pull.From, []geo.Region{eu}) || len(m.Warnings()) != 1 {
		t.Errorf("pulls from %v: %v", pull.From, m.Warnings())
	}
}

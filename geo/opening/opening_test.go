package opening

import (
	"slices"
	"strings"
	"testing"
	"time"

	"geomq/geo"
)

var orders = geo.CommitLog{Log: "ORDERS", Queue: geo.SoleQueue, Origin: "us-east"}

const eu, ap = geo.Region("eu-west"), geo.Region("ap-south")

// at is what a copy that ends at last holds.
func at(last geo.Offset, table ...geo.Epoch) geo.Extent {
	return geo.Extent{First: 1, Last: last, Epochs: append(geo.FirstEpochs(), table...)}
}

// usual are the facts of an origin that ends at 100 and trusts its tail.
func usual() Facts {
	return Facts{
		Log: orders, Own: at(100), TailSafe: true, Note: Note{Known: true, Seen: 90, Ceiling: 10_090},
		Others: []geo.Region{eu, ap}, AskWait: time.Second, OpenWait: 30 * time.Second, Hint: 1_700_000_000,
	}
}

// powerCut are those of one whose machine lost power.
func powerCut() Facts {
	f := usual()
	f.TailSafe, f.Doubt = false, "its machine lost power"
	return f
}

// wiped are those of one that finds its disk empty, or starts for the first time.
func wiped() Facts {
	f := usual()
	f.Own, f.Fresh, f.TailSafe, f.Note = at(0), true, false, Note{}
	return f
}

func has(region geo.Region, e geo.Extent) Told { return Told{Region: region, Exists: true, Extent: e} }
func late(f Facts) Tick                        { return Tick{f.OpenWait} }

// decide feeds events and returns the last decision, which must be of type D.
func decide[D Decision](t *testing.T, m *Machine, events ...Event) D {
	t.Helper()
	d := m.Decision()
	for _, e := range events {
		d = m.Step(e)
	}
	want, ok := d.(D)
	if !ok {
		t.Fatalf("decided %T: %s", d, d)
	}
	if !strings.HasPrefix(d.String(), "ORDERS@us-east ") {
		t.Errorf("does not name the log: %s", d)
	}
	return want
}

func says(t *testing.T, text string, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("does not say %q: %s", w, text)
		}
	}
}

func TestAProcessThatWasKilledOpensAfterAShortAsk(t *testing.T) {
	m := New(usual())
	wait := decide[Wait](t, m)
	if wait.Until != time.Second || !slices.Equal(wait.For, []geo.Region{eu, ap}) {
		t.Errorf("waits until %v for %v", wait.Until, wait.For)
	}
	decide[Wait](t, m, has(eu, at(95)))
	decide[Open](t, m, Silent{ap, "connection refused"}) // who can't be reached is not waited for
	if m.Doubt() != "" {
		t.Errorf("doubts: %s", m.Doubt())
	}

	m = New(usual()) // nobody answers at all, and asks hang
	decide[Open](t, m, Tick{time.Second})

	alone := usual()
	alone.Others = []geo.Region{"us-east"}
	says(t, decide[Open](t, New(alone)).String(), "offset 101", "epoch 1")
}

func TestAReplicaAheadOfItsRestartedOriginGivesTheTailBack(t *testing.T) {
	m := New(powerCut())
	decide[Wait](t, m, has(eu, at(120))) // somebody may be further
	pull := decide[PullBack](t, m, has(ap, at(150)))
	if pull.First != 101 || pull.Through != 150 || !slices.Equal(pull.From, []geo.Region{ap}) {
		t.Errorf("pulls %d…%d from %v", pull.First, pull.Through, pull.From)
	}
	says(t, pull.String(), "101…150", "ap-south", "lost power")
	d := decide[NewEpoch](t, m, PulledBack{at(150)})
	want := geo.Epoch{Number: 2, PrevEnd: 150, First: 10_090 + MinMargin + 1}
	if d.Epoch != want || d.Skip != (geo.Range{First: 151, Last: want.First - 1}) || d.Lacking != nil || d.Retire != nil {
		t.Errorf("%+v", d)
	}
	if d.Lost != (Lost{Known: true, AtMost: 9_940}) { // nothing says that 151… were never acknowledged
		t.Errorf("lost: %+v", d.Lost)
	}
	open := decide[Open](t, m, Made{at(want.First-1, want)})
	says(t, open.String(), "epoch 2", "fetched back")
}

func TestTheEntriesThatNobodyHasAreCounted(t *testing.T) {
	f := powerCut()
	f.Note = Note{Known: true, Seen: 400, Ceiling: 10_400}
	d := decide[NewEpoch](t, New(f), has(eu, at(100)), has(ap, at(80)))
	if d.Lost != (Lost{Known: true, AtLeast: 300, AtMost: 10_300}) || d.Epoch.First <= 10_400 {
		t.Errorf("%+v", d)
	}
	says(t, d.String(), "300 acknowledged entries or more", "≤ 10300", "anywhere")
	f.Note = Note{}
	says(t, decide[NewEpoch](t, New(f), has(eu, at(100)), has(ap, at(80))).String(), "is not known")
}

func TestALostTailWaitsForWhoeverMayHaveIt(t *testing.T) {
	f := powerCut()
	m := New(f)
	wait := decide[Wait](t, m, has(eu, at(100)), Silent{ap, "no route to host"})
	if wait.Until != f.OpenWait || !slices.Equal(wait.For, []geo.Region{ap}) {
		t.Errorf("waits until %v for %v", wait.Until, wait.For)
	}
	says(t, wait.String(), "ap-south (no route to host)", "30s", "open_wait")
	decide[Wait](t, m, Told{Region: ap, Problem: "its broker is starting"})
	d := decide[NewEpoch](t, m, late(f))
	if d.Epoch.Number != f.Hint {
		t.Errorf("an epoch that ap-south could not hear of is number %d", d.Epoch.Number)
	}
	says(t, d.String(), "ap-south could not be asked", "ledger")
	// It answers at the last moment, while nothing has been carried out.
	decide[PullBack](t, m, has(ap, at(5000)))
}

func TestASafeTailThatSomebodyIsAheadOfIsNoneAtAll(t *testing.T) {
	m := New(usual())
	decide[Wait](t, m, has(eu, at(130)))
	if m.Doubt() == "" {
		t.Error("a restored image passes for a safe tail")
	}
	decide[PullBack](t, m, Tick{time.Second})
	wait := decide[Wait](t, m, PulledBack{at(130)})
	if wait.Until != 30*time.Second {
		t.Errorf("does not wait for ap-south, which may have more: %s", wait)
	}
	decide[NewEpoch](t, m, has(ap, at(1)))

	f := usual()
	f.Note.Seen = 101
	says(t, decide[NewEpoch](t, New(f), has(eu, at(1)), has(ap, at(1))).String(), "101 had been acknowledged")
}

func TestAFirstDeploymentBeginsAtOffset1(t *testing.T) {
	m := New(wiped())
	decide[Wait](t, m, Told{Region: eu})
	says(t, decide[Open](t, m, Told{Region: ap}).String(), "offset 1 in epoch 1", "new")

	f := wiped()
	m = New(f)
	decide[Wait](t, m, Told{Region: eu}, Silent{ap, "unknown"}, Tick{f.OpenWait - 1})
	d := decide[NewEpoch](t, m, late(f))
	if d.Epoch != (geo.Epoch{Number: f.Hint, PrevEnd: 0, First: 1}) || d.Skip.Len() != 0 || !d.Table.Extends(geo.FirstEpochs()) {
		t.Errorf("%+v", d)
	}
	// ap-south had a log after all: it is not taken for the same one.
	f.Fresh, f.TailSafe, f.Own = false, true, geo.Extent{First: 1, Last: 40, Epochs: d.Table}
	m = New(f)
	decide[Open](t, m, has(eu, f.Own), has(ap, at(5000)))
	if w := m.Warnings(); len(w) != 1 || !strings.Contains(w[0], "ap-south went on to 5000") {
		t.Errorf("warns %q", w)
	}
}

func TestAWipedOriginTakesItsLogFromAHolder(t *testing.T) {
	m := New(wiped())
	old := geo.Epoch{Number: 2, PrevEnd: 700, First: 10_701}
	kept := geo.Extent{First: 501, Last: 10_900, Epochs: append(geo.FirstEpochs(), old)}
	pull := decide[PullBack](t, m, has(eu, kept), Told{Region: ap})
	if pull.First != 501 || pull.Through != 10_900 {
		t.Errorf("pulls %d…%d", pull.First, pull.Through)
	}
	says(t, pull.String(), "holds nothing of it, but eu-west does")
	d := decide[NewEpoch](t, m, PulledBack{kept})
	if d.Epoch != (geo.Epoch{Number: 3, PrevEnd: 10_900, First: 20_901}) || d.Lost.Known {
		t.Errorf("%+v", d)
	}

	// A replica that never got an entry still says that the log was open once.
	if d := decide[NewEpoch](t, New(wiped()), has(eu, at(0)), Told{Region: ap}); d.Epoch.First != MinMargin+1 {
		t.Errorf("%+v", d.Epoch)
	}
	// So does the note of a log whose stream is gone.
	f := wiped()
	f.Note = Note{Known: true, Seen: 7, Ceiling: 10_007}
	if d := decide[NewEpoch](t, New(f), Told{Region: eu}, Told{Region: ap}); d.Epoch.First <= 10_007 || d.Lost.AtLeast != 7 {
		t.Errorf("%+v", d)
	}
}

func TestARestoredBackupLearnsTheEpochsItHasMissed(t *testing.T) {
	missed := geo.Epoch{Number: 2, PrevEnd: 60, First: 10_061}
	m := New(usual()) // 61…100 were given up in epoch 2, and are back
	ahead := at(10_200, missed)
	pull := decide[PullBack](t, m, has(eu, ahead), has(ap, at(60, missed)))
	if pull.Through != 10_200 || !slices.Equal(pull.From, []geo.Region{eu}) {
		t.Errorf("pulls %d…%d from %v", pull.First, pull.Through, pull.From)
	}
	says(t, m.Doubt(), "eu-west knows epochs")
	d := decide[NewEpoch](t, m, PulledBack{ahead})
	if d.Epoch.Number != 3 || d.Epoch.PrevEnd != 10_200 || d.Retire != nil {
		t.Errorf("%+v", d)
	}

	// The holder that knows the epoch has no entry of it: there is nothing to pull.
	m = New(usual())
	d = decide[NewEpoch](t, m, has(eu, at(60, missed)), has(ap, at(100)))
	if want := (geo.Ranges{{First: 61, Last: 100}}); !slices.Equal(d.Retire, want) || d.Lacking != nil {
		t.Errorf("%+v", d)
	}
	if d.Epoch.PrevEnd != 10_060 || d.Skip.First != 101 || d.Table.Validate() != nil || !d.Table.Extends(at(0, missed).Epochs) {
		t.Errorf("%+v", d)
	}
	if w := m.Warnings(); len(w) != 1 || !strings.Contains(w[0], "ap-south has entries 61…100") {
		t.Errorf("warns %q", w)
	}
}

func TestAnotherLifeOfTheLogIsNotMixedIn(t *testing.T) {
	f := usual()
	f.Own = at(20_000, geo.Epoch{Number: 2, PrevEnd: 100, First: 15_000})
	foreign := at(90_000, geo.Epoch{Number: 7, PrevEnd: 50, First: 11_000})
	m := New(f)
	decide[Open](t, m, has(eu, foreign), has(ap, at(100)))
	if w := m.Warnings(); len(w) != 1 {
		t.Errorf("warns %q", w)
	} else {
		says(t, w[0], "eu-west", "contradict", "log repair")
	}

	f.TailSafe = false
	d := decide[NewEpoch](t, New(f), has(eu, foreign), has(ap, at(100)))
	if d.Epoch.First <= 90_000 || d.Epoch.Number != f.Hint || !d.Table.Extends(f.Own.Epochs) || d.Lacking != nil {
		t.Errorf("%+v", d)
	}

	// The origin itself went on in an older epoch, over offsets of a newer one.
	m = New(usual())
	decide[Open](t, m, has(eu, at(95, geo.Epoch{Number: 2, PrevEnd: 50, First: 80})), has(ap, at(100)))
	if len(m.Warnings()) != 1 {
		t.Errorf("warns %q", m.Warnings())
	}

	// Holders that contradict each other: the later life is the log.
	m = New(powerCut())
	pull := decide[PullBack](t, m, has(eu, at(30_000, geo.Epoch{Number: 5, PrevEnd: 100, First: 20_000})), has(ap, at(90_000, geo.Epoch{Number: 4, PrevEnd: 100, First: 20_000})))
	if !slices.Equal(pull.From, []geo.Region{eu}) || pull.Through != 30_000 {
		t.Errorf("%+v", pull)
	}
}

func TestAHolderFarAheadInAnOldEpochIsNotPulledFrom(t *testing.T) {
	f := usual()
	f.Own = at(20_000, geo.Epoch{Number: 2, PrevEnd: 100, First: 15_000})
	m := New(f)
	decide[Open](t, m, has(eu, at(16_000)), has(ap, at(14_000)))
	w := m.Warnings()
	if len(w) != 2 {
		t.Fatalf("warns %q", w)
	}
	says(t, w[0], "eu-west went on to 16000", "log repair")
	says(t, w[1], "ap-south has entries 101…14000", "ledger")
}

func TestNonsenseFromAHolderMovesNothing(t *testing.T) {
	for _, e := range []geo.Extent{
		{First: 1, Last: 1 << 63, Epochs: geo.FirstEpochs()},
		{First: 900, Last: 200, Epochs: geo.FirstEpochs()},
		{First: 1, Last: 200},
		at(200, geo.Epoch{Number: 1 << 63, PrevEnd: 100, First: 150}),
		at(200, geo.Epoch{Number: 2, PrevEnd: 100, First: 1 << 62}),
	} {
		f := powerCut()
		f.Note.Ceiling = 1<<64 - 1 // not a note that we wrote
		m := New(f)
		d := decide[NewEpoch](t, m, has(eu, e), has(ap, at(100)))
		if err := d.Table.Validate(); err != nil || d.Epoch.First > beyond+2*MinMargin || d.Epoch.Number != f.Hint || len(m.Warnings()) != 1 {
			t.Errorf("%+v: %v, %+v", e, err, d.Epoch)
		}
	}
}

func TestRetentionThatPassedARestoredImageEmptiesIt(t *testing.T) {
	m := New(powerCut())
	trimmed := at(9000)
	trimmed.First = 5001
	pull := decide[PullBack](t, m, has(eu, trimmed), has(ap, trimmed))
	if pull.First != 5001 || pull.Through != 9000 || len(pull.From) != 2 {
		t.Errorf("%+v", pull)
	}
	if !slices.Equal(pull.Table, geo.FirstEpochs()) {
		t.Errorf("records %s", pull.Table)
	}
	says(t, pull.String(), "Retention has removed everything before 5001")
	d := decide[NewEpoch](t, m, PulledBack{trimmed})
	if d.Epoch.PrevEnd != 9000 || d.Lacking != nil {
		t.Errorf("%+v", d)
	}

	// One that connects comes first, though another is further.
	m = New(powerCut())
	bridge := at(6000)
	bridge.First = 90
	if pull = decide[PullBack](t, m, has(eu, trimmed), has(ap, bridge)); pull.First != 101 || pull.Through != 6000 {
		t.Errorf("%+v", pull)
	}
	if pull = decide[PullBack](t, m, PulledBack{at(6000)}); pull.First != 6001 || pull.Through != 9000 {
		t.Errorf("%+v", pull)
	}

	// Epochs that began before what is left are recorded first, later ones are not.
	begun, later := geo.Epoch{Number: 2, PrevEnd: 700, First: 2000}, geo.Epoch{Number: 3, PrevEnd: 6000, First: 20_000}
	left := at(21_000, begun, later)
	left.First = 5001
	m = New(powerCut())
	if pull = decide[PullBack](t, m, has(eu, left), has(ap, at(9))); pull.First != 5001 || !slices.Equal(pull.Table, at(0, begun).Epochs) {
		t.Errorf("%+v", pull)
	}
	// Nothing is left: only the place is taken over.
	left = at(5000)
	left.First = 5001
	if pull = decide[PullBack](t, New(powerCut()), has(eu, left), has(ap, at(9))); pull.First != 5001 || pull.Through != 5000 || strings.Contains(pull.String(), "Fetching") {
		t.Errorf("%+v", pull)
	}

	// It can't be done: the log goes on behind, and the holder's ledger keeps them.
	m = New(powerCut())
	d = decide[NewEpoch](t, m, has(eu, trimmed), has(ap, at(9)), PullFailed{Region: eu, Contradicts: true, Reason: "trimmed", Own: at(100)})
	if d.Epoch.PrevEnd != 100 || d.Epoch.First <= 9000 {
		t.Errorf("%+v", d)
	}
}

func TestAPullThatBreaksIsTriedElsewhereAndAgain(t *testing.T) {
	f := powerCut()
	m := New(f)
	pull := decide[PullBack](t, m, has(eu, at(200)), has(ap, at(200)))
	if !slices.Equal(pull.From, []geo.Region{eu, ap}) {
		t.Errorf("from %v", pull.From)
	}
	pull = decide[PullBack](t, m, PullFailed{Region: eu, Reason: "lost", Own: at(150)}) // it brought something
	if pull.First != 151 || len(pull.From) != 2 {
		t.Errorf("%+v", pull)
	}
	pull = decide[PullBack](t, m, PullFailed{Region: eu, Reason: "lost", Own: at(150)}, Tick{f.AskWait})
	if !slices.Equal(pull.From, []geo.Region{ap}) {
		t.Errorf("from %v", pull.From)
	}
	wait := decide[Wait](t, m, PulledBack{at(150)}, Tick{2 * f.AskWait}) // ap-south ended early
	if len(wait.For) != 2 {
		t.Errorf("waits for %v", wait.For)
	}
	decide[PullBack](t, m, has(eu, at(200)))
	decide[NewEpoch](t, m, late(f), PullFailed{Region: eu, Reason: "lost", Own: at(150)})
	// No time is left for one that answers asks and nothing else.
	if d := decide[NewEpoch](t, m, has(eu, at(200))); d.Epoch.PrevEnd != 150 || d.Epoch.First <= 200 {
		t.Errorf("%+v", d.Epoch)
	}
}

// TestAHolderThatGivesNothingKeepsEverything: with its epochs and without its
// entries the origin would begin behind them, and holders trim as origins do.
func TestAHolderThatGivesNothingKeepsEverything(t *testing.T) {
	f := wiped()
	m := New(f)
	whole := at(30_000, geo.Epoch{Number: 2, PrevEnd: 9000, First: 20_000})
	decide[PullBack](t, m, has(eu, whole), Told{Region: ap})
	d := decide[NewEpoch](t, m, late(f), PullFailed{Region: eu, Reason: "lost", Own: at(0)})
	if d.Table.Extends(whole.Epochs) || d.Epoch.First <= 30_000 || d.Epoch.Number != f.Hint || d.Lacking != nil {
		t.Errorf("%+v", d)
	}
	if w := m.Warnings(); len(w) != 1 {
		t.Errorf("warns %q", w)
	} else {
		says(t, w[0], "eu-west", "could be fetched (lost)", "log repair")
	}
}

func TestACrashBetweenTableAndHolesIsFinished(t *testing.T) {
	second := geo.Epoch{Number: 2, PrevEnd: 100, First: 20_091}
	for _, end := range []geo.Offset{100, 5000} {
		f := usual()
		f.Own = at(end, second)
		m := New(f)
		// A replica may have made its holes first.
		finish := decide[Finish](t, m, has(eu, at(20_090, second)), has(ap, at(100)))
		if finish.Through != 20_090 || m.Doubt() != "" {
			t.Errorf("%+v, %q", finish, m.Doubt())
		}
		decide[Open](t, m, Made{at(20_090, second)})
	}
	// The table outlived entries that it says were there: that was no mere crash.
	f := usual()
	f.Own = at(80, second)
	m := New(f)
	pull := decide[PullBack](t, m, has(eu, at(20_090, second)), has(ap, at(100)))
	if pull.First != 81 || pull.Through != 20_090 {
		t.Errorf("%+v", pull)
	}
	m = New(f)
	d := decide[NewEpoch](t, m, has(eu, at(70)), has(ap, at(75)))
	if want := (geo.Ranges{{First: 81, Last: 100}}); !slices.Equal(d.Lacking, want) || d.Epoch.PrevEnd != 20_090 {
		t.Errorf("%+v", d)
	}
	says(t, d.String(), "20 offsets from 81 on are lacking")

	// The table could not be recorded: the decision stands.
	m = New(powerCut())
	d = decide[NewEpoch](t, m, has(eu, at(1)), has(ap, at(1)))
	if again := decide[NewEpoch](t, m, Made{at(100)}); again.Epoch != d.Epoch {
		t.Errorf("%+v, then %+v", d.Epoch, again.Epoch)
	}
	// It was recorded, the holes are not made.
	decide[Finish](t, m, Made{at(100, d.Epoch)})
}

// TestAHolderKnowsMoreDeletions: an image from before a deletion, with the end that
// the log still has, looks whole; the regions know better.
func TestAHolderKnowsMoreDeletions(t *testing.T) {
	facts := usual()
	facts.Deletions = 2
	told := has(eu, at(100))
	told.Deletions = 2
	m := New(facts)
	decide[Open](t, m, told, has(ap, at(100)))
	if m.Forgetful() {
		t.Error("it takes an origin with all its records for a forgetful one")
	}
	told.Deletions = 3
	m = New(facts)
	says(t, decide[Wait](t, m, told).String(), "records of 2 deletions", "eu-west knows of 3", "ap-south")
	epoch := decide[NewEpoch](t, m, late(facts))
	if epoch.Epoch.First <= 10_090 || !m.Forgetful() {
		t.Errorf("it goes on at %d, forgetful: %v", epoch.Epoch.First, m.Forgetful())
	}
	// Another life of the log has deletions of its own.
	told.Extent = at(100, geo.Epoch{Number: 9, PrevEnd: 50, First: 60})
	decide[Open](t, New(facts), told, has(ap, at(100)))
}

// TestWhatWasToldOutlivesTheOpening: the floor covers every copy, also of a region
// that goes silent again, and a note that promises it brings the next opening as far.
func TestWhatWasToldOutlivesTheOpening(t *testing.T) {
	other := at(500_000, geo.Epoch{Number: 2, PrevEnd: 1, First: 2}) // a life that can't be reconciled
	m := New(powerCut())
	first := decide[NewEpoch](t, m, has(eu, other), has(ap, at(100)))
	if m.Floor() < 500_000 || first.Epoch.First <= m.Floor() {
		t.Fatalf("the floor is %d, the epoch begins at %d", m.Floor(), first.Epoch.First)
	}
	again := powerCut()
	again.Note = Note{Known: true, Seen: 90, Ceiling: m.Floor()}
	second := decide[NewEpoch](t, New(again), has(ap, at(100)), late(again))
	if second.Epoch.First < first.Epoch.First {
		t.Errorf("begun anew without eu-west the epoch begins at %d, not behind %d", second.Epoch.First, m.Floor())
	}
}

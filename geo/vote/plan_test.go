package vote

import (
	"testing"

	"geomq/geo"
)

func table(text string) geo.Epochs {
	epochs, err := geo.ParseEpochs(text)
	if err != nil {
		panic(err)
	}
	return epochs
}

func source(party Party, epochs string, offset geo.Offset) Source {
	return Source{Party: party, Reach: Reach{Log: theLog, Epochs: table(epochs), Offset: offset}}
}

func TestWhereALogGoesOn(t *testing.T) {
	for name, c := range map[string]struct {
		sources []Source
		known   Reach
		first   Party
		want    string
	}{
		"a log that was never written to begins at 1": {
			sources: []Source{source("me", "1:0:1", 0), source("other", "1:0:1", 0)},
			first:   "me", want: "1:0:1,9:0:1",
		},
		"behind the furthest end and the margin": {
			sources: []Source{source("me", "1:0:1", 10), source("other", "1:0:1", 50)},
			first:   "other", want: "1:0:1,9:50:10051",
		},
		"of equals the claimant itself needs no fetching": {
			sources: []Source{source("eu", "1:0:1", 50), source("me", "1:0:1", 50)},
			first:   "me", want: "1:0:1,9:50:10051",
		},
		"a later epoch is worth more than a longer log, whose offsets are used all the same": {
			sources: []Source{source("me", "1:0:1", 70_000), source("other", "1:0:1,4:90:20000", 20_005)},
			first:   "other", want: "1:0:1,4:90:20000,9:20005:80001",
		},
		"behind what the last master may have used": {
			sources: []Source{source("me", "1:0:1", 10)}, known: Reach{Log: theLog, Epochs: table("1:0:1"), Offset: 5000},
			first: "me", want: "1:0:1,9:10:15001",
		},
		"an epoch of which nobody here has anything": {
			sources: []Source{source("me", "1:0:1", 10)}, known: Reach{Log: theLog, Epochs: table("1:0:1,4:10:10011"), Offset: 12_000},
			first: "me", want: "1:0:1,4:10:10011,9:10010:22001",
		},
		"nobody has the log": {first: "", want: "1:0:1,9:0:1"},
	} {
		p := planning{log: theLog, self: "me", epoch: 9, sources: c.sources, known: c.known}.plan()
		if p.Table.String() != c.want || p.Table.Validate() != nil {
			t.Errorf("%s: %s, want %s", name, p.Table, c.want)
		}
		if len(p.Sources) > 0 && p.Sources[0].Party != c.first {
			t.Errorf("%s: fetched from %s first", name, p.Sources[0].Party)
		}
	}
}

func TestOnlyTheNewestEpochsTravel(t *testing.T) {
	long := geo.Epochs{}
	for i := range geo.Offset(20) {
		long = append(long, geo.Epoch{Number: uint64(i + 1), PrevEnd: i * 10, First: i*10 + 1})
	}
	p := planning{log: theLog, epoch: 99, sources: []Source{{"a", Reach{theLog, newest(long), 200}}}}.plan()
	if len(p.Table) != MaxEpochs || p.Table.Latest().Number != 99 || p.Table.Validate() != nil {
		t.Errorf("%s", p.Table)
	}
}

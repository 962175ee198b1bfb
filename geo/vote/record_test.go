package vote

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"geomq/geo"
)

func claimRecord() Record {
	return Record{
		Format: format, Kind: KindClaim, Target: theTopic, Party: "eu-west", Term: Term{7, "eu-west"}, Epoch: 4,
		Voters: FirstVoters("us-east", "eu-west", "witness-1"), Stage: Open,
		Reaches:  []Reach{{Log: theLog, Epochs: geo.FirstEpochs(), Offset: 9}},
		Override: &Override{By: "anna", Reason: "us-east burns", Without: []Party{"us-east"}},
	}
}

func TestARecordComesBackAsItWas(t *testing.T) {
	vote := Record{Format: format, Kind: KindVote, Target: "down/eu-west", Party: "us-east", Voters: FirstVoters("us-east")}
	promise := Record{Format: format, Kind: KindPromise, Target: theTopic, Party: "a", Term: Term{1, "b"}, Epoch: 2}
	for _, want := range []Record{claimRecord(), vote, promise} {
		b, err := want.Encode()
		if err != nil {
			t.Fatal(err)
		}
		later := strings.Replace(string(b), "{", `{"later":{"x":[1]},`, 1)
		for _, text := range []string{string(b), later} {
			if got, err := Decode([]byte(text)); err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%s: %+v, %v", text, got, err)
			}
		}
		if want.String() == "" || !strings.HasSuffix(want.Key(), "/"+string(want.Party)) {
			t.Errorf("%s: %s", want.Key(), want)
		}
	}
}

func TestWhatIsNoRecordIsRefused(t *testing.T) {
	for name, spoil := range map[string]func(*Record){
		"no target":                    func(r *Record) { r.Target = "" },
		"a target with a blank":        func(r *Record) { r.Target = "a b" },
		"no party":                     func(r *Record) { r.Party = "" },
		"a format of the past":         func(r *Record) { r.Format = 0 },
		"an unknown kind":              func(r *Record) { r.Kind = "vote.other" },
		"a claim for another":          func(r *Record) { r.Term.Claimant = "us-east" },
		"a claim without a stage":      func(r *Record) { r.Stage = "" },
		"a claim without an epoch":     func(r *Record) { r.Epoch = 0 },
		"a term beyond all":            func(r *Record) { r.Term.N = top },
		"an offset beyond all":         func(r *Record) { r.Reaches[0].Offset = top },
		"no table":                     func(r *Record) { r.Reaches[0].Epochs = nil },
		"a log twice":                  func(r *Record) { r.Reaches = append(r.Reaches, r.Reaches[0]) },
		"too many logs":                func(r *Record) { r.Reaches = make([]Reach, maxLogs+1) },
		"no voters":                    func(r *Record) { r.Voters = Voters{} },
		"voters out of order":          func(r *Record) { r.Voters.Members = []Party{"b", "a"} },
		"a voter twice":                func(r *Record) { r.Voters.Members = []Party{"a", "a"} },
		"two changes of voters at one": func(r *Record) { r.Voters = Voters{2, []Party{"a", "b", "c"}, []Party{"a"}} },
		"an override without a name":   func(r *Record) { r.Override.By = "" },
		"an override of nobody":        func(r *Record) { r.Override.Without = nil },
		"a promise under voters":       func(r *Record) { r.Kind, r.Stage, r.Override = KindPromise, "", nil },
		"a vote with a stage":          func(r *Record) { r.Kind = KindVote },
	} {
		r := claimRecord()
		r.Override = &Override{By: "anna", Reason: "why", Without: []Party{"us-east"}}
		spoil(&r)
		if _, err := r.Encode(); !errors.Is(err, ErrRecord) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, text := range []string{"", "{}", "null", "[]", `{"format":1}`, strings.Repeat(" ", maxRecord+1)} {
		if _, err := Decode([]byte(text)); !errors.Is(err, ErrRecord) {
			t.Errorf("%.20q: %v", text, err)
		}
	}
	if _, err := Decode([]byte(`{"format":2,"target":{"of":"a later kind"}}`)); !errors.Is(err, ErrVersion) {
		t.Errorf("a later format: %v", err)
	}
}

// TestTheLargestRecordFits: what passes validation can be written.
func TestTheLargestRecordFits(t *testing.T) {
	r := claimRecord()
	r.Reaches = nil
	for i := range maxLogs {
		table := geo.Epochs{}
		for e := range MaxEpochs {
			first := geo.Offset(top - 100 + 2*e)
			table = append(table, geo.Epoch{Number: uint64(top - 100 + e), PrevEnd: first - 1, First: first})
		}
		r.Reaches = append(r.Reaches, Reach{Log: strings.Repeat("L", maxName-2) + string(rune('A'+i/26)) + string(rune('A'+i%26)), Epochs: table, Offset: top - 1})
	}
	if b, err := r.Encode(); err != nil {
		t.Errorf("%d bytes: %v", len(b), err)
	}
}

func FuzzDecode(f *testing.F) {
	b, _ := claimRecord().Encode()
	f.Add(b)
	f.Add([]byte(`{"format":1,"kind":"vote.vote","target":"t","party":"p","term":{"n":0,"claimant":""},"voters":{"version":1,"members":["p"]}}`))
	f.Add([]byte(`{"format":1,"kind":"vote.promise","target":"t","party":"p","term":{"n":1,"claimant":"q"},"epoch":1}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := Decode(b)
		if err != nil {
			return
		}
		again, err := r.Encode()
		if err != nil {
			t.Fatalf("%q is read but can't be written: %v", b, err)
		}
		if back, err := Decode(again); err != nil || back.Key() != r.Key() || back.Term != r.Term {
			t.Fatalf("%q becomes %q: %v", b, again, err)
		}
		m, err := New(Config{Self: "p", Target: r.Target, Voters: FirstVoters("p", "q"), Life: 1, Silence: 1, Patience: 1}, []Record{r})
		if err != nil {
			return
		}
		for i := range 5 {
			m.Step(1, []Event{Claim{}, Read{r.Party, r}, Heard{r.Party}, Reconfigure{r.Voters}, Tick{}}[i])
		}
	})
}

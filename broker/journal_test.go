package broker

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

func openJournal(t testing.TB, b *Broker, cfg JournalConfig) *Journal {
	t.Helper()
	if cfg.Name == "" {
		cfg.Name = "LEDGER"
	}
	j, err := b.OpenJournal(deadline(t), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func put(t testing.TB, j *Journal, key, data string) uint64 {
	t.Helper()
	seq, err := j.Put(deadline(t), key, []byte(data))
	if err != nil {
		t.Fatal(err)
	}
	return seq
}

// contents are a journal's records as "seq key=data".
func contents(t testing.TB, j *Journal, from uint64) (all []string) {
	t.Helper()
	err := j.Each(deadline(t), from, func(r Record) error {
		if r.At.IsZero() || time.Since(r.At) > time.Minute {
			t.Errorf("record %d was stored at %v", r.Seq, r.At)
		}
		all = append(all, fmt.Sprintf("%d %s=%s", r.Seq, r.Key, r.Data))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func sameContents(t testing.TB, j *Journal, want ...string) {
	t.Helper()
	if got := contents(t, j, 0); strings.Join(got, "; ") != strings.Join(want, "; ") {
		t.Errorf("the journal holds %q, want %q", got, want)
	}
}

// TestTheFirstRecordOfAKeyStays: two brokers decide at once, one of them again
// after its answer got lost.
func TestTheFirstRecordOfAKeyStays(t *testing.T) {
	cfg := testConfig(t, "us-east")
	b := openBroker(t, cfg)
	j := openJournal(t, b, JournalConfig{})
	sameContents(t, j)
	put(t, j, "a", "1")
	if seq := put(t, j, "b", "2"); seq != 2 {
		t.Errorf("record %d", seq)
	}
	if seq := put(t, j, "a", "1"); seq != 1 {
		t.Errorf("the same again is record %d", seq)
	}
	other := openJournal(t, b, JournalConfig{})
	if _, err := other.Put(deadline(t), "a", []byte("3")); !errors.Is(err, ErrTaken) {
		t.Errorf("got %v", err)
	}
	b.Close()
	j = openJournal(t, openBroker(t, cfg), JournalConfig{})
	if _, err := j.Put(deadline(t), "a", nil); !errors.Is(err, ErrTaken) {
		t.Errorf("after a restart: %v", err)
	}
	if r, any, err := j.RecordOf(deadline(t), "b"); err != nil || !any || string(r.Data) != "2" || r.Seq != 2 || r.Key != "b" {
		t.Errorf("got %+v, %t, %v", r, any, err)
	}
	if _, any, err := j.RecordOf(deadline(t), "c"); err != nil || any {
		t.Errorf("a record of nobody: %t, %v", any, err)
	}
	sameContents(t, j, "1 a=1", "2 b=2")
}

func TestOfManyWritersOneIsFirst(t *testing.T) {
	j := openJournal(t, openBroker(t, testConfig(t, "us-east")), JournalConfig{})
	var all sync.WaitGroup
	var mu sync.Mutex
	winners := 0
	for i := range 16 {
		all.Go(func() {
			_, err := j.Put(deadline(t), "claim", fmt.Append(nil, i))
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				winners++
			} else if !errors.Is(err, ErrTaken) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if winners != 1 {
		t.Errorf("%d writers were first", winners)
	}
}

// TestAnAppendFollowsWhatItsWriterSaw: who decided on an old state must not write.
func TestAnAppendFollowsWhatItsWriterSaw(t *testing.T) {
	j := openJournal(t, openBroker(t, testConfig(t, "us-east")), JournalConfig{})
	for i, data := range []string{"one", "two"} {
		for range 2 { // the second time as after a lost answer
			if seq, err := j.Append(deadline(t), uint64(i), data, []byte(data)); err != nil || seq != uint64(i)+1 {
				t.Fatalf("%s: %d, %v", data, seq, err)
			}
		}
	}
	for what, after := range map[string]uint64{"behind": 0, "ahead": 9} {
		var fenced *FencedError
		if _, err := j.Append(deadline(t), after, "three", nil); !errors.Is(err, ErrFenced) || !errors.As(err, &fenced) || fenced.Last != 2 {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := j.Append(deadline(t), 0, "one", []byte("other")); !errors.Is(err, ErrFenced) {
		t.Errorf("a lost answer's place with other bytes: %v", err)
	}
	if _, err := j.Append(deadline(t), 2, "one", []byte("again")); !errors.Is(err, ErrTaken) {
		t.Errorf("a taken key: %v", err)
	}
	if last, err := j.Last(deadline(t)); err != nil || last != 2 {
		t.Errorf("the last record is %d, %v", last, err)
	}
	sameContents(t, j, "1 one=one", "2 two=two")
}

func TestDeletedRecordsAreGone(t *testing.T) {
	j := openJournal(t, openBroker(t, testConfig(t, "us-east")), JournalConfig{Flush: true})
	for i := range 6 {
		put(t, j, fmt.Sprint("k", i), "x")
	}
	for _, seq := range []uint64{1, 3, 6, 6, 99} { // again, and one that never was
		if err := j.Delete(deadline(t), seq); err != nil {
			t.Errorf("delete %d: %v", seq, err)
		}
	}
	sameContents(t, j, "2 k1=x", "4 k3=x", "5 k4=x")
	if last, err := j.Last(deadline(t)); err != nil || last != 6 {
		t.Errorf("the last sequence is %d, %v", last, err)
	}
	if seq := put(t, j, "k2", "new"); seq != 7 {
		t.Errorf("the freed key is at %d", seq)
	}
	if got := contents(t, j, 5); strings.Join(got, " ") != "5 k4=x 7 k2=new" {
		t.Errorf("from 5 on: %q", got)
	}
}

func TestEachEndsWithTheCallersError(t *testing.T) {
	j := openJournal(t, openBroker(t, testConfig(t, "us-east")), JournalConfig{})
	for i := range 10 {
		put(t, j, fmt.Sprint(i), "")
	}
	stop, seen := errors.New("enough"), 0
	err := j.Each(deadline(t), 3, func(r Record) error {
		if seen++; r.Seq == 5 {
			return stop
		}
		return nil
	})
	if err != stop || seen != 3 {
		t.Errorf("%d records, %v", seen, err)
	}
}

// TestManyRecordsAtOnce: a replica that retires a long tail, is killed in the
// middle, and does it again.
func TestManyRecordsAtOnce(t *testing.T) {
	j := openJournal(t, openBroker(t, testConfig(t, "us-east")), JournalConfig{Flush: true})
	const many = 20_000
	records := func(n int) iter.Seq2[string, []byte] {
		return func(yield func(string, []byte) bool) {
			for i := 0; i < n && yield(fmt.Sprintf("ORDERS@us-east/1/%d", i), fmt.Appendf(nil, "entry %d", i)); i++ {
			}
		}
	}
	for _, n := range []int{0, 700, many} {
		if err := j.PutAll(deadline(t), records(n), nil); err != nil {
			t.Fatal(err)
		}
	}
	next := uint64(1)
	err := j.Each(deadline(t), 0, func(r Record) error {
		if want := fmt.Sprintf("ORDERS@us-east/1/%d", next-1); r.Seq != next || r.Key != want || string(r.Data) != fmt.Sprintf("entry %d", next-1) {
			return fmt.Errorf("record %d is %s: %s", r.Seq, r.Key, r.Data)
		}
		next++
		return nil
	})
	if err != nil || next != many+1 {
		t.Fatalf("%d records, %v", next-1, err)
	}
	for what, bad := range map[string]struct {
		key, data string
		want      error
	}{
		"another tail":  {"ORDERS@us-east/1/5", "other", ErrTaken},
		"a long key":    {strings.Repeat("k", 257), "", ErrKey},
		"a large entry": {"large", strings.Repeat("x", DefaultMaxPayload), ErrTooLarge},
	} {
		err := j.PutAll(deadline(t), func(yield func(string, []byte) bool) { yield(bad.key, []byte(bad.data)) }, nil)
		if !errors.Is(err, bad.want) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestWhatIsTakenIsShown: a retirement that is made again for another reason
// learns which entries are kept already, and keeps the others.
func TestWhatIsTakenIsShown(t *testing.T) {
	j := openJournal(t, openBroker(t, testConfig(t, "us-east")), JournalConfig{})
	put(t, j, "b", "first")
	put(t, j, "d", "same")
	all := func(yield func(string, []byte) bool) {
		_ = yield("a", []byte("1")) && yield("b", []byte("2")) && yield("c", []byte("3")) && yield("d", []byte("same"))
	}
	var there []string
	err := j.PutAll(deadline(t), all, func(r Record, data []byte) error {
		there = append(there, fmt.Sprintf("%d %s=%s, not %s", r.Seq, r.Key, r.Data, data))
		return nil
	})
	if err != nil || len(there) != 1 || there[0] != "1 b=first, not 2" {
		t.Errorf("taken: %q, %v", there, err)
	}
	sameContents(t, j, "1 b=first", "2 d=same", "3 a=1", "4 c=3")
	stop := errors.New("enough")
	if err := j.PutAll(deadline(t), all, func(Record, []byte) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("got %v", err)
	}
}

func TestALargestRecordFits(t *testing.T) {
	j := openJournal(t, openBroker(t, testConfig(t, "us-east")), JournalConfig{})
	data := bytes.Repeat([]byte("x"), j.MaxData())
	key := strings.Repeat("\xff", maxKey)
	if _, err := j.Append(deadline(t), 0, key, data); err != nil {
		t.Fatal(err)
	}
	if r, any, err := j.RecordOf(deadline(t), key); err != nil || !any || !bytes.Equal(r.Data, data) || r.Key != key {
		t.Fatalf("%d bytes, %t, %v", len(r.Data), any, err)
	}
	if _, err := j.Put(deadline(t), "larger", append(data, 'x')); !errors.Is(err, ErrTooLarge) {
		t.Fatalf("got %v", err)
	}
}

func TestAStreamThatIsNoJournalIsLeftAlone(t *testing.T) {
	b := openBroker(t, testConfig(t, "us-east"))
	openOrigin(t, b)
	if _, err := b.OpenJournal(deadline(t), JournalConfig{Name: "SEALS-" + orders.Stream()}); !errors.Is(err, ErrConflict) {
		t.Errorf("got %v", err)
	}
	for _, name := range []string{"", "a.b", "a b", "a*", strings.Repeat("x", 201)} {
		if _, err := b.OpenJournal(deadline(t), JournalConfig{Name: name}); !errors.Is(err, ErrConfig) {
			t.Errorf("%q: %v", name, err)
		}
	}
	held, err := b.CommitLogs(deadline(t))
	if err != nil || len(held) != 1 {
		t.Errorf("a journal passes for a log: %+v, %v", held, err)
	}
}

func TestAJournalSurvivesANewSecret(t *testing.T) {
	cfg := testConfig(t, "us-east")
	b := openBroker(t, cfg)
	put(t, openJournal(t, b, JournalConfig{}), "a", "1")
	b.Close()
	cfg.Secret = []byte("another secret")
	j := openJournal(t, openBroker(t, cfg), JournalConfig{})
	put(t, j, "b", "2")
	sameContents(t, j, "1 a=1", "2 b=2")
}

// TestClientsReadJournalsAndDontWriteThem: a record that a client could make up
// would be taken for the origin's word.
func TestClientsReadJournalsAndDontWriteThem(t *testing.T) {
	b := openBroker(t, testConfig(t, "us-east"))
	c, errs := plainClient(t, b)
	token := ingestToken(secret, "GEOMQ-LEDGER")
	var mu sync.Mutex
	heard := 0
	look := func(m *nats.Msg) {
		mu.Lock()
		defer mu.Unlock()
		heard++
		all, _ := json.Marshal(m.Header)
		if strings.Contains(m.Subject+m.Reply+string(all)+string(m.Data), token) {
			t.Errorf("the token is in %s %s %s", m.Subject, m.Reply, m.Data)
		}
	}
	for _, subject := range []string{">", "$JS.>", "$JS.EVENT.>"} {
		if _, err := c.Subscribe(subject, look); err != nil {
			t.Fatal(err)
		}
	}
	j := openJournal(t, b, JournalConfig{})
	put(t, j, "a/b", "1")
	for _, subject := range []string{j.ingest + "x", "geomq.j.x"} {
		if err := c.Publish(subject, nil); err != nil {
			t.Fatal(err)
		}
		refused(t, subject, errs)
	}
	for subject, body := range map[string]string{
		"$JS.API.STREAM.INFO.GEOMQ-LEDGER":    `{"subjects_filter":">"}`,
		"$JS.API.STREAM.LIST":                 "",
		"$JS.API.STREAM.MSG.GET.GEOMQ-LEDGER": `{"last_by_subj":">"}`,
		"$JS.API.DIRECT.GET.GEOMQ-LEDGER":     `{"seq":1}`,
		"$JS.API.CONSUMER.LIST.GEOMQ-LEDGER":  "",
	} {
		answer, err := c.Request(subject, []byte(body), 5*time.Second)
		if err != nil {
			t.Errorf("%s: %v", subject, err)
			continue
		}
		look(answer)
	}
	js, err := c.JetStream()
	if err != nil {
		t.Fatal(err)
	}
	if m, err := js.GetMsg("GEOMQ-LEDGER", 1); err != nil || m.Subject != "geomq.j.a%2Fb" || string(m.Data) != "1" {
		t.Errorf("a client reads %+v, %v", m, err)
	}
	sameContents(t, j, "1 a/b=1")
	mu.Lock()
	defer mu.Unlock()
	if heard < 6 {
		t.Errorf("only %d messages were looked at", heard)
	}
}

// FuzzKeys: what a key is written as must be one token that nobody can mistake,
// and lead back to it alone.
func FuzzKeys(f *testing.F) {
	for _, key := range []string{"", "%", "a.b", "ORDERS-0@us-east/3/17", "ä > *", "%2", "%25", strings.Repeat("x", 257)} {
		f.Add(key)
	}
	f.Fuzz(func(t *testing.T, key string) {
		token, err := keyToken(key)
		if (err != nil) != (len(key) > maxKey) {
			t.Fatalf("%q: %v", key, err)
		}
		if err == nil {
			if again, err := tokenKey(token); err != nil || again != key {
				t.Fatalf("%q is written %q and read %q, %v", key, token, again, err)
			}
			if strings.ContainsAny(token, ".*> \t\r\n") || token == "" {
				t.Fatalf("%q is no token", token)
			}
		}
		if got, err := tokenKey(key); err == nil {
			if token, err := keyToken(got); err != nil || token != key {
				t.Fatalf("%q is read as %q, which is written %q", key, got, token)
			}
		}
	})
}

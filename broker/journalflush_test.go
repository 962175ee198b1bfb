package broker

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// syncs counts a journal's fsyncs, by the last part of the path.
type syncs struct {
	mu    sync.Mutex
	count map[string]int
	fail  error
}

func countSyncs(j *Journal) *syncs {
	s := &syncs{count: map[string]int{}}
	j.flush.sync = func(path string) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.count[filepath.Base(path)]++
		return errors.Join(s.fail, flush(path))
	}
	return s
}

func (s *syncs) of(name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count[name]
}

// TestARecordIsOnTheDiskWhenPutReturns: each Put is behind an fsync of the block
// that holds it, and what was in the files then is a whole journal.
func TestARecordIsOnTheDiskWhenPutReturns(t *testing.T) {
	cfg := testConfig(t, "us-east")
	b := openBroker(t, cfg)
	j := openJournal(t, b, JournalConfig{Flush: true})
	s := countSyncs(j)
	msgs := filepath.Join(cfg.Data, "jetstream", "APP", "streams", "GEOMQ-LEDGER", "msgs")
	for i := range 5 {
		data := fmt.Sprintf("record number %d", i)
		put(t, j, fmt.Sprint(i), data)
		if s.of("1.blk") != i+1 || s.of("msgs") != i+1 {
			t.Fatalf("after %d records: %v", i+1, s.count)
		}
		if block, err := os.ReadFile(filepath.Join(msgs, "1.blk")); err != nil || !strings.Contains(string(block), data) {
			t.Fatalf("what was synced doesn't hold record %d: %v", i, err)
		}
	}
	if put(t, j, "0", "record number 0"); s.of("1.blk") != 5 {
		t.Errorf("a record that is on the disk was synced again: %v", s.count)
	}
}

// TestAnotherHandleSyncsWhatItFinds: the first writer died between ack and sync.
func TestAnotherHandleSyncsWhatItFinds(t *testing.T) {
	b := openBroker(t, testConfig(t, "us-east"))
	put(t, openJournal(t, b, JournalConfig{}), "a", "1")
	j := openJournal(t, b, JournalConfig{Flush: true})
	s := countSyncs(j)
	if put(t, j, "a", "1"); s.of("1.blk") == 0 {
		t.Error("a record that may not be on the disk was reported as flushed")
	}
}

func TestWithoutFlushNothingIsSynced(t *testing.T) {
	j := openJournal(t, openBroker(t, testConfig(t, "us-east")), JournalConfig{})
	put(t, j, "a", "1")
	if j.flush != nil {
		t.Error("there is a flusher")
	}
}

func TestManyRecordsShareASync(t *testing.T) {
	j := openJournal(t, openBroker(t, testConfig(t, "us-east")), JournalConfig{Flush: true})
	s := countSyncs(j)
	err := j.PutAll(deadline(t), func(yield func(string, []byte) bool) {
		for i := 0; i < 1000 && yield(fmt.Sprint(i), nil); i++ {
		}
	}, nil)
	if err != nil || s.of("1.blk") != 1 {
		t.Errorf("%v, %v", s.count, err)
	}
}

// TestADiskThatDoesNotSync: the caller must not act on a record that a power cut
// takes back, and may put it again.
func TestADiskThatDoesNotSync(t *testing.T) {
	j := openJournal(t, openBroker(t, testConfig(t, "us-east")), JournalConfig{Flush: true})
	s := countSyncs(j)
	s.fail = errors.New("input/output error")
	if _, err := j.Put(deadline(t), "a", nil); !errors.Is(err, ErrNotFlushed) {
		t.Fatalf("got %v", err)
	}
	s.fail = nil
	before := s.of("1.blk")
	if put(t, j, "a", ""); s.of("1.blk") != before+1 {
		t.Errorf("the record that failed was not synced again: %v", s.count)
	}
}

// TestOnlyGrowingBlocksAreSynced fills several blocks: each must be synced once
// when it is full, and those before never again.
func TestOnlyGrowingBlocksAreSynced(t *testing.T) {
	j := openJournal(t, openBroker(t, testConfig(t, "us-east")), JournalConfig{Flush: true})
	s := countSyncs(j)
	large := strings.Repeat("x", 900<<10)
	for i := 0; s.of("3.blk") == 0; i++ {
		if i == 60 {
			t.Fatalf("no third block: %v", s.count)
		}
		put(t, j, fmt.Sprint(i), large)
	}
	first := s.of("1.blk")
	if put(t, j, "more", large); s.of("1.blk") != first || s.of("2.blk") < 2 {
		t.Errorf("after one more: %v", s.count)
	}
	second := s.of("2.blk")
	if put(t, j, "and more", large); s.of("2.blk") != second {
		t.Errorf("after two more: %v", s.count)
	}
	if err := j.Delete(deadline(t), 1); err != nil || s.of("1.blk") != first+1 {
		t.Errorf("a deletion rewrites any block: %v, %v", s.count, err)
	}
}

// TestAJournalWithoutACopyHere: another server of the cluster has it.
func TestAJournalWithoutACopyHere(t *testing.T) {
	f := &flusher{folders: []string{filepath.Join(t.TempDir(), "msgs")}, sync: flush, closed: map[string]int{}}
	if err := f.to(1); !errors.Is(err, errNoCopy) {
		t.Errorf("got %v", err)
	}
	f.elsewhere = true
	if err := f.to(1); err != nil {
		t.Errorf("of a copy that a majority of others keeps: %v", err)
	}
}

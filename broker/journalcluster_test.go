package broker

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
)

// journalInACluster: three brokers write the same journal while one of them is
// started again.
func journalInACluster(t *testing.T, brokers []*Broker) {
	journals := make([]*Journal, len(brokers))
	var all sync.WaitGroup
	for i, b := range brokers {
		all.Go(func() {
			var err error
			if journals[i], err = b.OpenJournal(deadline(t), JournalConfig{Name: "LEDGER", Replicas: 3, Flush: true}); err != nil {
				t.Error(err)
			}
		})
	}
	if all.Wait(); t.Failed() {
		t.FailNow()
	}
	s := countSyncs(journals[0])
	const each = 50
	for i, j := range journals {
		all.Go(func() {
			for n := range each {
				await(t, func() bool {
					_, err := j.Put(deadline(t), fmt.Sprintf("%d of %d", n, i), fmt.Append(nil, i, n))
					if err != nil && !temporary(err) {
						t.Error(err)
					}
					return err == nil || t.Failed()
				})
			}
		})
	}
	if err := brokers[2].Restart(deadline(t)); err != nil {
		t.Error(err)
	}
	if all.Wait(); t.Failed() {
		t.FailNow()
	}
	if s.of("msgs") < 2*each {
		t.Errorf("stream and Raft log should both be synced for each of %d records: %v", each, s.count)
	}
	for i, j := range journals {
		if got := contents(t, j, 0); len(got) != 3*each {
			t.Errorf("broker %d sees %d records: %s", i, len(got), strings.Join(got, "; "))
		}
		if _, err := j.Put(deadline(t), "0 of 0", []byte("other")); !errors.Is(err, ErrTaken) {
			t.Errorf("broker %d: %v", i, err)
		}
	}
}

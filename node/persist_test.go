package node

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"

	"geomq/geo/opening"
)

// TestAStepThatFailsIsCarriedOutAgain: a broker that is slow while a new epoch's
// holes are made must not cost the log a second epoch, and a third.
func TestAStepThatFailsIsCarriedOutAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &opener{duty: &duty{logger: slog.New(slog.DiscardHandler)}}
		tries, slow := 0, errors.New("no ack for 5s")
		event, err := o.persist(t.Context(), func() (opening.Event, error) {
			if tries++; tries < 5 {
				return nil, slow
			}
			return opening.Made{}, nil
		})
		if _, made := event.(opening.Made); !made || err != nil || tries != 5 {
			t.Errorf("after %d tries: %v, %v", tries, event, err)
		}
		if _, err := o.persist(t.Context(), func() (opening.Event, error) { return nil, slow }); !errors.Is(err, slow) {
			t.Errorf("what never succeeds ends with %v", err)
		}
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		tries = 0
		_, _ = o.persist(gone, func() (opening.Event, error) { tries++; return nil, slow })
		if tries != 1 {
			t.Errorf("%d tries for nobody", tries)
		}
	})
}

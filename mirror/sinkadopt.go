package mirror

import (
	"context"
	"fmt"
	"time"

	"geomq/geo"
)

// adopt opens the way into the replica and starts the stages behind the machine.
func (s *sinkSession) adopt(ctx context.Context, a Adopt) *Failed {
	log := s.link.cfg.Log
	if !a.Exists {
		replica, err := s.link.cfg.Replicas.Create(ctx, log, a.From, a.Epochs)
		if err != nil {
			return &Failed{localCause(err), fmt.Sprintf("could not create the replica of %s: %v", log, err)}
		}
		s.replica = replica
	}
	last := a.From - 1
	s.applied.begin(last)
	if a.Mend {
		if err := s.mend(ctx, a.Epochs, last); err != nil {
			return &Failed{localCause(err), fmt.Sprintf("could not take out of the replica of %s what came back: %v", log, err)}
		}
	}
	appender, err := s.replica.Append(ctx, last, s.advance)
	if err != nil {
		return &Failed{localCause(err), fmt.Sprintf("could not write to the replica of %s: %v", log, err)}
	}
	s.handed = last
	s.welcome = max(time.Since(s.start), 1)
	s.link.stats.sessions.Add(1)
	s.link.note(StateStreaming, "", "")
	s.group.Go(func() { s.check(ctx) })
	s.group.Go(func() { s.trimAll(ctx) })
	s.group.Go(func() {
		defer appender.Close()
		s.applyAll(ctx, appender, last)
	})
	s.group.Go(func() {
		select {
		case <-appender.Done():
			if err := appender.Err(); err != nil { // nil: applyAll has closed it
				s.fail(Failed{localCause(err), err.Error()})
			}
		case <-ctx.Done():
		}
	})
	return nil
}

// renew gives the replica a longer epoch table. The table comes last: until then
// the next session finds the old one and does all of it again. Seals of retired
// entries go with them, since the origin seals their blocks anew.
func (s *sinkSession) renew(ctx context.Context, a Renew) *Failed {
	s.welcome = max(time.Since(s.start), 1)
	if err := s.renewed(ctx, a); err != nil {
		return &Failed{localCause(err), fmt.Sprintf("could not give the replica of %s the epochs %s: %v", s.link.cfg.Log, a.Epochs, err)}
	}
	return nil
}

func (s *sinkSession) renewed(ctx context.Context, a Renew) error {
	if a.Retire.Len() > 0 {
		s.log.Warn("entries of the replica are no longer part of the log and go to the ledger", "offsets", a.Retire.String(), "epochs", a.Epochs.String())
		if err := s.replica.Retire(ctx, a.Retire, retired(a.Epochs)); err != nil {
			return err
		}
	}
	if err := s.replica.DropSeals(ctx, a.Last); err != nil {
		return err
	}
	return s.replica.SetEpochs(ctx, a.Epochs)
}

// retired is the reason in the ledger.
func retired(epochs geo.Epochs) string {
	return fmt.Sprintf("beyond the end of an epoch: the log's epochs are %s", epochs)
}

// mend takes out again what once was retired or deleted, and is there all the
// same: a power cut brings it back where the removal had not reached the disk.
// Seals that outlived their entries go too.
func (s *sinkSession) mend(ctx context.Context, epochs geo.Epochs, last geo.Offset) error {
	s.log.Warn("the replica holds entries or seals that a power cut must have brought back; removing them again")
	if err := s.replica.DropSeals(ctx, last); err != nil {
		return err
	}
	for _, r := range epochs.Skipped().Intersect(geo.Range{First: 1, Last: last}) {
		if err := s.replica.Retire(ctx, r, retired(epochs)); err != nil {
			return err
		}
	}
	var failed error
	err := eachDeletion(ctx, s.replica, 0, func(d *geo.Deletion) {
		if failed == nil {
			failed = s.replica.Delete(ctx, *d)
		}
	})
	if failed != nil {
		return failed
	}
	return err
}

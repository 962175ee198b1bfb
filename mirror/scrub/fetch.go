package scrub

import (
	"context"
	"errors"
	"fmt"
	"time"

	"geomq/geo"
	"geomq/geo/entry"
	"geomq/mirror"
)

// fetchPatience bounds one try to fetch a block from one holder.
const fetchPatience = 2 * time.Minute

// Fetcher fetches entries from other holders.
type Fetcher interface {
	// Fetch gives each what holder has of r, in ascending order; the entries are
	// valid during the call only.
	Fetch(ctx context.Context, holder geo.Region, r geo.Range, each func([]entry.Entry) error) error
}

// Links is a Fetcher over sessions of the link protocol.
type Links struct {
	Log       geo.CommitLog
	To        geo.Region // our own
	Held      mirror.HeldLog
	Dialer    mirror.Dialer
	Codec     mirror.Codec
	Heartbeat time.Duration
}

// Fetch implements Fetcher.
func (l Links) Fetch(ctx context.Context, holder geo.Region, r geo.Range, each func([]entry.Entry) error) error {
	return mirror.Fetch(ctx, mirror.FetchConfig{
		Log: l.Log, Held: l.Held, Holder: holder, To: l.To, Dialer: l.Dialer, Range: r, Codec: l.Codec, Heartbeat: l.Heartbeat,
	}, each)
}

// fetch asks one holder after the other for the block, until one has it as it was
// sealed. digests are those of the local copy.
func (s *Scrubber) fetch(ctx context.Context, seal geo.Seal, broken *mirror.BlockError) (*Patch, error) {
	problems := []error{}
	for _, holder := range s.cfg.Others() {
		if holder == s.cfg.Region {
			continue
		}
		patch, err := s.fetchFrom(ctx, holder, seal)
		if err == nil {
			patch.Block, patch.Kind, patch.From = seal.Block, broken.Kind, holder
			return patch, nil
		}
		problems = append(problems, fmt.Errorf("%s: %w", holder, err))
	}
	if len(problems) == 0 {
		return nil, errors.New("there is no other holder to fetch it from")
	}
	return nil, errors.Join(problems...)
}

func (s *Scrubber) fetchFrom(ctx context.Context, holder geo.Region, seal geo.Seal) (*Patch, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchPatience)
	defer cancel()
	c := comparison{local: &s.digests}
	c.theirs.Begin(seal.Block)
	if err := s.cfg.Fetcher.Fetch(ctx, holder, mirror.Due(seal), c.take); err != nil {
		return nil, err
	}
	err := s.reader.Judge(ctx, seal, &c.theirs)
	var broken *mirror.BlockError
	switch {
	case errors.As(err, &broken) && broken.Kind == mirror.Lacking:
		return nil, fmt.Errorf("it lacks %d entries of the block, too", broken.Missing.Len())
	case errors.As(err, &broken) && len(c.patch.Entries) == 0:
		return nil, errors.New("it has the same entries as the copy here: the seal itself may be damaged")
	case errors.As(err, &broken):
		return nil, errors.New("its copy is not what was sealed, either")
	case err != nil:
		return nil, err
	}
	return c.finish(seal.Block), nil
}

// comparison collects what a holder has otherwise than the local copy.
type comparison struct {
	local  *mirror.BlockDigests
	theirs mirror.BlockDigests
	hasher entry.Hasher
	patch  Patch
	size   int
}

func (c *comparison) take(entries []entry.Entry) error {
	for i := range entries {
		e := &entries[i]
		digest := c.hasher.Entry(e)
		c.theirs.Set(e.Offset, digest)
		if local, ok := c.local.At(e.Offset); ok && local == digest {
			continue
		}
		if c.size += e.Size(); c.size > maxPatch {
			return ErrLarge
		}
		c.patch.Entries = append(c.patch.Entries, e.Clone())
	}
	return nil
}

// finish adds the offsets that hold an entry only here.
func (c *comparison) finish(block geo.Block) *Patch {
	r := block.Range()
	for o := r.First; o <= r.Last; o++ {
		_, here := c.local.At(o)
		if _, there := c.theirs.At(o); here && !there {
			c.patch.Drop = append(c.patch.Drop, o)
		}
	}
	return &c.patch
}

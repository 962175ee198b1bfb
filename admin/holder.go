package admin

import (
	"context"
	"fmt"

	"geomq/geo"
	"geomq/mirror/verify"
)

// Holder is the region of the node at c as one of those that verify.Verify
// compares. Its errors wrap ErrNotFound where the region does not hold the log,
// ErrNotReady where it can't tell yet, ErrForeign where the node belongs to
// another region.
func (c *Client) Holder(region geo.Region) verify.Holder { return holder{client: c, region: region} }

type holder struct {
	client *Client
	region geo.Region
}

// Region is the holder's region.
func (h holder) Region() geo.Region { return h.region }

// Extent asks the node what its region has.
func (h holder) Extent(ctx context.Context, log geo.CommitLog) (geo.Extent, error) {
	l, err := h.find(ctx, log)
	return geo.Extent{First: l.First, Last: l.Last, Entries: l.Entries, Bytes: l.Bytes, LastTime: l.LastTime}, err
}

// Digests asks the node to recompute digests.
func (h holder) Digests(ctx context.Context, log geo.CommitLog, r geo.Range, step uint64, yield func(verify.Stretch) error) error {
	l, err := h.find(ctx, log) // an origin may keep the log under another stream's name
	if err != nil {
		return err
	}
	return h.client.Digests(ctx, DigestQuery{Stream: l.Stream, Range: r, Step: step}, yield)
}

func (h holder) find(ctx context.Context, log geo.CommitLog) (Log, error) {
	status, err := h.client.Status(ctx, ScopeLocal)
	if err != nil {
		return Log{}, err
	}
	if status.Region != h.region {
		return Log{}, &ForeignError{URL: h.client.URL(), Reason: fmt.Sprintf("it is in %s, not in %s", status.Region, h.region)}
	}
	for _, l := range status.Logs {
		same := l.Log == log.Log && l.Queue == log.Queue.Label() && l.Origin == log.Origin && l.Region == h.region
		switch {
		case !same:
		case l.State == LogConflict:
			return Log{}, fmt.Errorf("%w: what %s has under the name %s is not this log: %s", ErrNotFound, h.region, l.Stream, l.Problem)
		case l.State == LogWaiting:
			return Log{}, fmt.Errorf("%w: %s waits for %s: %s", ErrNotReady, h.region, l.Stream, l.Problem)
		default:
			return l, nil
		}
	}
	return Log{}, fmt.Errorf("%w: %s does not hold %s", ErrNotFound, h.region, log)
}

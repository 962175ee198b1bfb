package client

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/nats-io/nats.go/jetstream"

	"geomq/client/internal/form"
	"geomq/geo"
)

// discover lists the streams of the region that f wants.
func (f *follower) discover(ctx context.Context) ([]source, error) {
	lister := f.js.ListStreams(ctx)
	var found []source
	for info := range lister.Info() {
		if s, wanted := f.match(info); wanted {
			found = append(found, s)
		}
	}
	if err := lister.Err(); err != nil {
		return nil, fmt.Errorf("list the logs of the region: %w", err)
	}
	return found, nil
}

func (f *follower) match(info *jetstream.StreamInfo) (source, bool) {
	s := source{
		stream:  info.Config.Name,
		replica: form.IsReplica(&info.Config),
		form:    form.Of(f.js, info),
		last:    geo.Offset(info.State.LastSeq),
	}
	c, err := geo.ParseCommitLog(s.stream)
	if err == nil {
		s.origin = c.Origin
	}
	if slices.Contains(f.cfg.Streams, s.stream) {
		return s, true
	}
	ofLog := err == nil && f.cfg.Log != "" && c.Log == f.cfg.Log
	return s, ofLog && (len(f.cfg.Origins) == 0 || slices.Contains(f.cfg.Origins, c.Origin))
}

// nothingHere says that nothing of what was asked for exists, and what does.
func (f *follower) nothingHere(ctx context.Context) error {
	wanted := f.cfg.Streams
	if f.cfg.Log != "" {
		wanted = append([]string{string(f.cfg.Log)}, wanted...)
	}
	var here []string
	lister := f.js.StreamNames(ctx)
	for name := range lister.Name() {
		if c, err := geo.ParseCommitLog(name); err == nil {
			here = append(here, c.Stream())
		}
	}
	slices.Sort(here)
	if len(here) == 0 {
		here = []string{"no log at all"}
	}
	return fmt.Errorf("%w is named %s; it holds %s", ErrNoLog, strings.Join(wanted, ", "), strings.Join(here, ", "))
}

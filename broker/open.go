package broker

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats-server/v2/server"

	"geomq/geo"
)

// OpenOrigin creates the stream of a log that this region writes, or adopts the
// one that exists. Topics, retention, window, sizes and replicas of an existing
// stream are changed to what cfg says; whatever else differs is refused with a
// *ConflictError that names all of it, and nothing is changed. Several servers
// of a cluster may do this at once and end with one stream.
func (b *Broker) OpenOrigin(ctx context.Context, cfg LogConfig) (*CommitLog, error) {
	most := int32(min(b.cfg.MaxPayload-Reserve, 1<<30))
	if cfg.MaxMsgSize <= 0 || cfg.MaxMsgSize > most {
		cfg.MaxMsgSize = most
	}
	log, err := b.open(ctx, cfg.ID, originStream(cfg), b.adoptOrigin)
	if err != nil {
		return nil, fmt.Errorf("open %s as origin: %w", cfg.ID, err)
	}
	return log, nil
}

// OpenReplica creates the stream that holds a copy of another region's log, with
// cfg.First as its first offset, or opens the one that exists. A stream of that
// name that is something else is refused with a *ConflictError.
func (b *Broker) OpenReplica(ctx context.Context, cfg ReplicaConfig) (*CommitLog, error) {
	log, err := b.open(ctx, cfg.ID, replicaStream(cfg, b.cfg.Secret), b.adoptReplica)
	if err != nil {
		return nil, fmt.Errorf("open %s as replica: %w", cfg.ID, err)
	}
	return log, nil
}

// adoption judges a stream that exists: what it should be changed to, or what
// keeps it from being the log that is wanted.
type adoption func(have *server.StreamInfo, want *server.StreamConfig) (next server.StreamConfig, differs bool, found []string)

// open loops because others may create the stream between any two requests, and
// because a cluster that has just started refuses for a while.
func (b *Broker) open(ctx context.Context, id geo.CommitLog, want server.StreamConfig, judge adoption) (*CommitLog, error) {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if err := b.finishRemoval(ctx, id); err != nil {
		return nil, err
	}
	if err := retry(ctx, func() error { return b.createOrAdopt(ctx, want, judge) }); err != nil {
		return nil, err
	}
	if err := b.openSeals(ctx, id, want.Replicas); err != nil {
		return nil, err
	}
	log, err := b.Lookup(ctx, id)
	if err != nil {
		return nil, err
	}
	return log, log.purgeFillers(ctx)
}

func (b *Broker) createOrAdopt(ctx context.Context, want server.StreamConfig, judge adoption) error {
	b.configs.Lock()
	defer b.configs.Unlock()
	info, err := b.api.streamInfo(ctx, want.Name)
	if hasCode(err, codeStreamNotFound) {
		if err = b.create(ctx, want); err != nil {
			return err
		}
		if info, err = b.api.streamInfo(ctx, want.Name); hasCode(err, codeStreamNotFound) {
			return errNotYet
		}
	}
	if err != nil {
		return err
	}
	return b.adopt(ctx, info, &want, judge)
}

// create makes the stream; that somebody else was faster is no error.
func (b *Broker) create(ctx context.Context, want server.StreamConfig) error {
	err := b.api.createStream(ctx, want)
	switch {
	case hasCode(err, codeNameInUse):
		return nil
	case hasCode(err, codeSubjectOverlap):
		return overlap(want.Name, want.Subjects)
	case err != nil:
		return err
	}
	return b.flushMeta(want.Name)
}

func (b *Broker) adopt(ctx context.Context, have *server.StreamInfo, want *server.StreamConfig, judge adoption) error {
	next, differs, found := judge(have, want)
	if len(found) > 0 {
		return &ConflictError{Stream: want.Name, Differences: found}
	}
	if !differs {
		return b.flushMeta(want.Name) // who made it may have died before
	}
	err := b.api.updateStream(ctx, next)
	var apiErr *server.ApiError
	if errors.As(err, &apiErr) && !temporary(err) {
		return &ConflictError{Stream: want.Name, Differences: []string{"JetStream refuses the change: " + apiErr.Description}}
	}
	if err == nil {
		err = b.flushMeta(want.Name)
	}
	return err
}

// adoptOrigin keeps a fence that is there, and forgets escaped ranges that lie
// outside of the log: nothing that is written from now on may be taken for part
// of one. Behind a fence, announced ranges stay as they are.
func (b *Broker) adoptOrigin(have *server.StreamInfo, want *server.StreamConfig) (server.StreamConfig, bool, []string) {
	if found := originDifferences(&have.Config, want); len(found) > 0 {
		return server.StreamConfig{}, false, found
	}
	wanted := *want
	if id, err := geo.ParseCommitLog(want.Name); err == nil && isFenced(&have.Config) {
		wanted = fencedStream(wanted, ingestPrefix(id, b.cfg.Secret))
	}
	next, differs := changed(&have.Config, &wanted)
	next.SubjectTransform = wanted.SubjectTransform
	if isFenced(&have.Config) {
		return next, differs, nil
	}
	cut, err := withRangesCut(next, metaEscaped, geo.Range{First: geo.Offset(have.State.FirstSeq), Last: geo.Offset(have.State.LastSeq)})
	if err != nil {
		return next, false, []string{err.Error()}
	}
	return cut, differs || cut.Metadata[metaEscaped] != next.Metadata[metaEscaped], nil
}

func (b *Broker) adoptReplica(have *server.StreamInfo, want *server.StreamConfig) (server.StreamConfig, bool, []string) {
	judged, wanted := b.withWayIn(&have.Config, want)
	next, differs := changed(&have.Config, &wanted)
	return next, differs, replicaDifferences(&judged, want)
}

// Lookup returns the CommitLog that this cluster holds, ErrNoLog if it holds
// none, or a *ConflictError if a stream of that name isn't a log.
func (b *Broker) Lookup(ctx context.Context, id geo.CommitLog) (*CommitLog, error) {
	info, err := b.info(ctx, id)
	if err != nil {
		return nil, err
	}
	role := Role(info.Config.Metadata[metaRole])
	if role != Origin && role != Replica {
		return nil, fmt.Errorf("look up %s: %w", id, &ConflictError{Stream: id.Stream(), Differences: []string{"it wasn't opened as a log"}})
	}
	return &CommitLog{
		broker: b, id: id, role: role,
		ingest:     ingestPrefix(id, b.cfg.Secret),
		fastIngest: info.Config.AllowBatchPublish,
		chains:     role == Replica && info.Config.Replicas <= 1 && !b.cfg.clustered(),
		replicas:   info.Config.Replicas,
	}, nil
}

func (b *Broker) info(ctx context.Context, id geo.CommitLog) (*server.StreamInfo, error) {
	info, err := b.api.streamInfo(ctx, id.Stream())
	if hasCode(err, codeStreamNotFound) {
		return nil, fmt.Errorf("%w: %s", ErrNoLog, id)
	}
	if err != nil {
		return nil, fmt.Errorf("look up %s: %w", id, err)
	}
	return info, nil
}

// Held is one CommitLog of a cluster at one moment.
type Held struct {
	ID     geo.CommitLog
	Role   Role
	Extent geo.Extent
	// Leader is the server that leads the stream; empty while there is none.
	Leader string
}

// CommitLogs lists everything this cluster holds, in the order of stream names.
func (b *Broker) CommitLogs(ctx context.Context) ([]Held, error) {
	var held []Held
	err := b.api.streams(ctx, func(info *server.StreamInfo) {
		role := Role(info.Config.Metadata[metaRole])
		id, err := geo.ParseCommitLog(info.Config.Name)
		if err == nil && (role == Origin || role == Replica) {
			held = append(held, Held{ID: id, Role: role, Extent: extent(info), Leader: b.leader(info)})
		}
	})
	if err != nil {
		return nil, fmt.Errorf("list the logs of %s: %w", b.cfg.Cluster, err)
	}
	return held, nil
}

// leader is the server that leads a stream; a single copy is led by its host.
func (b *Broker) leader(info *server.StreamInfo) string {
	if info.Cluster != nil {
		return info.Cluster.Leader
	}
	return b.cfg.Name
}

// extent reads what a stream's state says. An unreadable epoch table, which
// SetEpochs never writes, is an empty one.
func extent(info *server.StreamInfo) geo.Extent {
	epochs, _ := geo.ParseEpochs(info.Config.Metadata[metaEpochs])
	e := geo.Extent{
		First: geo.Offset(info.State.FirstSeq), Last: geo.Offset(info.State.LastSeq),
		Entries: info.State.Msgs, Bytes: info.State.Bytes, LastTime: info.State.LastTime, Epochs: epochs,
	}
	if e.Entries == 0 {
		e.First = e.Last + 1
	}
	return e
}

package broker

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// Journals hold geomq's own records: what was deleted and why, which entries a
// log lost. A journal is a stream in which each key has one record, first come
// first kept; clients can read it and can't write it, as with replicas.

// roleJournal is what a journal's stream has for metaRole.
const roleJournal = "journal"

const journalPrefix = "geomq.j."

// maxJournalName keeps the stream's name well below what a file may be called.
const maxJournalName = 200

// JournalConfig describes a journal.
type JournalConfig struct {
	// Name is unique in the cluster, of letters, digits, '-', '_' and '@', at most
	// 200 of them, e.g. "DELETIONS-ORDERS@us-east"; the stream is GEOMQ-<Name>.
	Name string
	// Replicas is the number of copies inside the cluster; default 1.
	Replicas int
	// Flush makes every call that writes return only when this server's copy is
	// on its disk, so that it survives a power cut.
	Flush bool
}

// Record is one record of a journal.
type Record struct {
	// Seq counts from 1 in the order of writing; deleted records leave gaps.
	Seq  uint64
	Key  string
	Data []byte
	// At is when the record was stored.
	At time.Time
}

// Journal is an open journal. It may be used by any number of goroutines, and
// opened as often as one likes; there is nothing to close. One whose stream was
// removed is of no use any more, even where the stream was made again: it would
// take new records for flushed ones. Open another.
type Journal struct {
	broker *Broker
	stream string
	ingest string
	flush  *flusher // nil without JournalConfig.Flush
}

func journalStream(name string) string { return "GEOMQ-" + name }

// OpenJournal creates the journal unless it is there. A stream of that name that
// is something else is refused with a *ConflictError. While the cluster elects a
// leader, it waits until ctx ends.
func (b *Broker) OpenJournal(ctx context.Context, cfg JournalConfig) (*Journal, error) {
	if err := checkJournalName(cfg.Name); err != nil {
		return nil, fmt.Errorf("open journal %q: %w", cfg.Name, err)
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	want := journalConfig(cfg, b.cfg.Secret)
	var info *server.StreamInfo
	err := retry(ctx, func() (err error) {
		info, err = b.openJournal(ctx, want)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("open journal %s: %w", cfg.Name, err)
	}
	j := &Journal{broker: b, stream: want.Name, ingest: journalIngest(want.Name, b.cfg.Secret)}
	if cfg.Flush {
		j.flush = newFlusher(b.cfg.Data, info)
		if err := j.flush.created(); err != nil {
			return nil, j.notFlushed("open", err)
		}
	}
	return j, nil
}

func checkJournalName(name string) error {
	if name == "" || len(name) > maxJournalName {
		return fmt.Errorf("%w: a journal's name has 1 to %d characters", ErrConfig, maxJournalName)
	}
	for i := range len(name) {
		if c := name[i]; !plainInKey(c) && c != '@' {
			return fmt.Errorf("%w: a journal's name has letters, digits, '-', '_' and '@', not %q", ErrConfig, c)
		}
	}
	return nil
}

// openJournal returns the stream as it is in the end, or errNotYet.
func (b *Broker) openJournal(ctx context.Context, want server.StreamConfig) (*server.StreamInfo, error) {
	info, err := b.api.streamInfo(ctx, want.Name)
	if hasCode(err, codeStreamNotFound) {
		if err = b.create(ctx, want); err == nil {
			err = errNotYet // others may have been faster: look again
		}
	}
	if err != nil {
		return nil, err
	}
	have := info.Config
	if have.Metadata[metaRole] != roleJournal {
		return nil, &ConflictError{Stream: want.Name, Differences: []string{"it is no journal"}}
	}
	if have.Replicas == want.Replicas && slices.Equal(have.Subjects, want.Subjects) {
		return info, nil
	}
	// The subjects follow from the secret, which may have been changed.
	have.Replicas, have.Subjects, have.SubjectTransform = want.Replicas, want.Subjects, want.SubjectTransform
	if err := b.api.updateStream(ctx, have); err != nil {
		return nil, err
	}
	if err := b.flushMeta(have.Name); err != nil {
		return nil, err
	}
	return nil, errNotYet
}

// journalIngest is where records are published; what is stored doesn't show the
// token.
func journalIngest(stream string, secret []byte) string {
	return journalPrefix + ingestToken(secret, stream) + "."
}

func journalConfig(cfg JournalConfig, secret []byte) server.StreamConfig {
	name := journalStream(cfg.Name)
	ingest := journalIngest(name, secret) + "*"
	return server.StreamConfig{
		Name: name, Subjects: []string{ingest},
		SubjectTransform: &server.SubjectTransformConfig{Source: ingest, Destination: journalPrefix + "{{wildcard(1)}}"},
		Storage:          server.FileStorage, Replicas: max(cfg.Replicas, 1), Retention: server.LimitsPolicy,
		Discard: server.DiscardNew, DiscardNewPer: true, MaxMsgsPer: 1,
		MaxMsgs: unlimited, MaxBytes: unlimited, MaxConsumers: unlimited, MaxMsgSize: unlimited,
		Duplicates: leastDedupeWindow, AllowDirect: true,
		Metadata: map[string]string{metaRole: roleJournal, metaVersion: formVersion},
	}
}

// Name is what the journal was opened as.
func (j *Journal) Name() string { return strings.TrimPrefix(j.stream, journalStream("")) }

// MaxData is how many bytes a record may have.
func (j *Journal) MaxData() int { return int(j.broker.cfg.MaxPayload) - journalReserve }

// journalReserve is room for the header of Append.
const journalReserve = 256

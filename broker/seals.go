package broker

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/nats-io/nats-server/v2/server"

	"geomq/geo"
)

// Seals of a log lie in a stream beside it, each under a subject of its own that
// takes one message and never another.

const codePerSubjectFull = 10077

func sealsStream(id geo.CommitLog) string { return "GEOMQ-SEALS-" + id.Stream() }

// sealSubject is where the seal of a block is published, storedSeal the subject
// under which it lies there: what clients can read must not show the token.
func (l *CommitLog) sealSubject(block geo.Block) string {
	return sealIngest(l.id, l.broker.cfg.Secret) + strconv.FormatUint(uint64(block), 10)
}

func storedSeal(block geo.Block) string { return sealPrefix + strconv.FormatUint(uint64(block), 10) }

const sealPrefix = "geomq.seal."

func sealIngest(id geo.CommitLog, secret []byte) string {
	return sealPrefix + ingestToken(secret, sealsStream(id)) + "."
}

// openSeals creates the side stream unless it is there.
func (b *Broker) openSeals(ctx context.Context, id geo.CommitLog, replicas int) error {
	ingest := sealIngest(id, b.cfg.Secret) + "*"
	want := server.StreamConfig{
		Name: sealsStream(id), Subjects: []string{ingest},
		SubjectTransform: &server.SubjectTransformConfig{Source: ingest, Destination: sealPrefix + "{{wildcard(1)}}"},
		Storage:          server.FileStorage, Replicas: max(replicas, 1), Retention: server.LimitsPolicy,
		Discard: server.DiscardNew, DiscardNewPer: true, MaxMsgsPer: 1,
		MaxMsgs: unlimited, MaxBytes: unlimited, MaxConsumers: unlimited, MaxMsgSize: unlimited,
		Duplicates: leastDedupeWindow, AllowDirect: true,
		Metadata: map[string]string{metaRole: "seals", metaVersion: formVersion},
	}
	return retry(ctx, func() error {
		info, err := b.api.streamInfo(ctx, want.Name)
		if hasCode(err, codeStreamNotFound) {
			return b.create(ctx, want)
		}
		if err != nil || (info.Config.Replicas == want.Replicas && slices.Equal(info.Config.Subjects, want.Subjects)) {
			return err
		}
		// The subjects follow from the secret, which may have been changed.
		next := info.Config
		next.Replicas, next.Subjects, next.SubjectTransform = want.Replicas, want.Subjects, want.SubjectTransform
		if err := b.api.updateStream(ctx, next); err != nil {
			return err
		}
		return b.flushMeta(next.Name)
	})
}

// PutSeal records a seal for good. Blocks are put in ascending order. Putting the
// same seal again does nothing; another one for the same block gives ErrSealed.
func (l *CommitLog) PutSeal(ctx context.Context, seal geo.Seal) error {
	payload := encodeSeal(seal)
	err := l.publish(ctx, l.sealSubject(seal.Block), payload)
	if hasCode(err, codePerSubjectFull) {
		err = l.sameSeal(ctx, seal.Block, payload)
	}
	if err != nil {
		return fmt.Errorf("seal block %d of %s: %w", seal.Block, l.id, err)
	}
	return nil
}

func (l *CommitLog) sameSeal(ctx context.Context, block geo.Block, payload []byte) error {
	there, err := l.sealMessage(ctx, server.JSApiMsgGetRequest{LastFor: storedSeal(block)})
	if err == nil && !bytes.Equal(there.Data, payload) {
		return ErrSealed
	}
	return err
}

func (l *CommitLog) publish(ctx context.Context, subject string, payload []byte) error {
	ctx, cancel := context.WithTimeout(ctx, apiTimeout)
	defer cancel()
	answer, err := l.broker.conn.RequestWithContext(ctx, subject, payload)
	if err != nil {
		return err
	}
	var ack server.JSPubAckResponse
	if err := json.Unmarshal(answer.Data, &ack); err != nil {
		return err
	}
	if ack.Error != nil {
		return ack.Error
	}
	return nil
}

// Seals returns the seals of the blocks from first to last, both included, in
// order; blocks without a seal are left out. A damaged one gives ErrSeal.
func (l *CommitLog) Seals(ctx context.Context, first, last geo.Block) ([]geo.Seal, error) {
	newest, any, err := l.SealedTo(ctx)
	if err != nil || !any {
		return nil, err
	}
	var seals []geo.Seal
	for block := first; block <= min(last, newest); block++ {
		stored, err := l.sealMessage(ctx, server.JSApiMsgGetRequest{LastFor: storedSeal(block)})
		if hasCode(err, codeNoMessage) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read the seal of block %d of %s: %w", block, l.id, err)
		}
		seal, err := decodeSeal(stored.Data)
		if err == nil && seal.Block != block {
			err = fmt.Errorf("%w: it is that of block %d", ErrSeal, seal.Block)
		}
		if err != nil {
			return nil, fmt.Errorf("read the seal of block %d of %s: %w", block, l.id, err)
		}
		seals = append(seals, seal)
	}
	return seals, nil
}

// SealedTo is the newest sealed block; false where there is none.
func (l *CommitLog) SealedTo(ctx context.Context) (geo.Block, bool, error) {
	stored, any, err := l.newestSeal(ctx)
	if err != nil || !any {
		return 0, false, err
	}
	number := stored.Subject[strings.LastIndexByte(stored.Subject, '.')+1:]
	block, err := strconv.ParseUint(number, 10, 64)
	if err != nil {
		return 0, false, fmt.Errorf("read the newest seal of %s: %w: %w", l.id, ErrSeal, err)
	}
	return geo.Block(block), true, nil
}

// newestSeal is the last message of the seals stream. Its sequence may be less
// than the stream's last one: DropSeals leaves that behind.
func (l *CommitLog) newestSeal(ctx context.Context) (*server.StoredMsg, bool, error) {
	last := server.JSApiMsgGetRequest{LastFor: sealPrefix + "*"}
	stored, err := l.sealMessage(ctx, last)
	if hasCode(err, codeStreamNotFound) {
		// The log is there, so this broker was killed between the creation of its
		// stream and that of the seals', or in the middle of the latter: then
		// JetStream doesn't load it any more. Seals it may hold come back.
		if err = l.broker.openSeals(ctx, l.id, l.replicas); err == nil {
			stored, err = l.sealMessage(ctx, last)
		}
	}
	if hasCode(err, codeNoMessage) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("read the newest seal of %s: %w", l.id, err)
	}
	return stored, true, nil
}

// DropSeals removes the seals of blocks that end behind last, the log's end. An
// origin that lost its tail has such seals, and would otherwise never seal what
// it writes at those offsets from then on.
func (l *CommitLog) DropSeals(ctx context.Context, last geo.Offset) error {
	for {
		newest, any, err := l.SealedTo(ctx)
		if err != nil || !any || newest.Range().Last <= last {
			return err
		}
		stored, _, err := l.newestSeal(ctx)
		if err != nil {
			return err
		}
		request := server.JSApiMsgDeleteRequest{Seq: stored.Sequence}
		if err := l.broker.api.call(ctx, "STREAM.MSG.DELETE."+sealsStream(l.id), request, nil); err != nil {
			return fmt.Errorf("drop the seal of block %d of %s: %w", newest, l.id, err)
		}
	}
}

// TrimSeals removes the seals of blocks that end before first.
func (l *CommitLog) TrimSeals(ctx context.Context, first geo.Offset) error {
	newest, any, err := l.SealedTo(ctx)
	if err != nil || !any || first == 0 {
		return err
	}
	keep, err := l.firstKept(ctx, geo.BlockOf(first), newest)
	if err != nil || keep <= 1 {
		return err
	}
	request := server.JSApiStreamPurgeRequest{Sequence: keep}
	if err := l.broker.api.call(ctx, "STREAM.PURGE."+sealsStream(l.id), request, nil); err != nil {
		return fmt.Errorf("trim the seals of %s: %w", l.id, err)
	}
	return nil
}

// firstKept is the sequence of the first seal from block on. Where none is left,
// it is the newest seal's: one more than needed is kept, and tells SealedTo.
func (l *CommitLog) firstKept(ctx context.Context, block, newest geo.Block) (uint64, error) {
	for block = min(block, newest); ; block++ {
		stored, err := l.sealMessage(ctx, server.JSApiMsgGetRequest{LastFor: storedSeal(block)})
		if err == nil {
			return stored.Sequence, nil
		}
		if !hasCode(err, codeNoMessage) || block >= newest {
			return 0, fmt.Errorf("trim the seals of %s: %w", l.id, err)
		}
	}
}

// sealMessage asks the leader of the seals stream, which has seen every seal.
func (l *CommitLog) sealMessage(ctx context.Context, request server.JSApiMsgGetRequest) (*server.StoredMsg, error) {
	var response server.JSApiMsgGetResponse
	if err := l.broker.api.call(ctx, "STREAM.MSG.GET."+sealsStream(l.id), request, &response); err != nil {
		return nil, err
	}
	return response.Message, nil
}

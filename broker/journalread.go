package broker

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
)

// quiet is how long Each waits for the next record before it looks again where
// the journal ends.
const quiet = time.Second

// Last is the sequence of the last record written, deleted or not; 0 where there
// was none.
func (j *Journal) Last(ctx context.Context) (uint64, error) {
	info, err := j.broker.api.streamInfo(ctx, j.stream)
	if err != nil {
		return 0, j.failed("ask for the end of", err)
	}
	return info.State.LastSeq, nil
}

// RecordOf returns a key's record; false if it has none. It knows of every
// record whose Put has returned.
func (j *Journal) RecordOf(ctx context.Context, key string) (Record, bool, error) {
	record, any, err := j.recordOf(ctx, key)
	if err != nil {
		return Record{}, false, j.failed(fmt.Sprintf("read %.100q in", key), err)
	}
	return record, any, nil
}

func (j *Journal) recordOf(ctx context.Context, key string) (Record, bool, error) {
	token, err := keyToken(key)
	if err != nil {
		return Record{}, false, err
	}
	return j.stored(ctx, server.JSApiMsgGetRequest{LastFor: journalPrefix + token})
}

// stored asks the leader, which has seen every record.
func (j *Journal) stored(ctx context.Context, request server.JSApiMsgGetRequest) (Record, bool, error) {
	var response server.JSApiMsgGetResponse
	err := j.broker.api.call(ctx, "STREAM.MSG.GET."+j.stream, request, &response)
	if hasCode(err, codeNoMessage) {
		return Record{}, false, nil
	}
	if err != nil {
		return Record{}, false, err
	}
	m := response.Message
	record, err := recordFrom(m.Sequence, m.Subject, m.Data, m.Time)
	return record, err == nil, err
}

func recordFrom(seq uint64, subject string, data []byte, at time.Time) (Record, error) {
	token, ok := strings.CutPrefix(subject, journalPrefix)
	if !ok {
		return Record{}, fmt.Errorf("%w: record %d lies at %.100q", ErrJournal, seq, subject)
	}
	key, err := tokenKey(token)
	if err != nil {
		return Record{}, fmt.Errorf("record %d: %w", seq, err)
	}
	return Record{Seq: seq, Key: key, Data: data, At: at}, nil
}

// Each calls each with the records from sequence from on, in order, up to those
// that were written when it began, or a few more. It ends with each's error as it
// is.
func (j *Journal) Each(ctx context.Context, from uint64, each func(Record) error) error {
	var stopped error
	err := j.each(ctx, max(from, 1), func(r Record) error {
		stopped = each(r)
		return stopped
	})
	if err == nil || stopped != nil {
		return stopped
	}
	return j.failed(fmt.Sprintf("read from %d on in", from), err)
}

// each loops, because the newest record may be deleted while it is waited for,
// and because the copy that is read may be behind the leader's.
func (j *Journal) each(ctx context.Context, from uint64, each func(Record) error) error {
	for {
		newest, any, err := j.stored(ctx, server.JSApiMsgGetRequest{LastFor: journalPrefix + "*"})
		if err != nil || !any || newest.Seq < from {
			return err
		}
		if newest.Seq == from {
			return each(newest)
		}
		if from, err = j.some(ctx, from, newest.Seq, each); err != nil || from > newest.Seq {
			return err
		}
	}
}

// some reads from from to last through a consumer and returns where to go on:
// before last if nothing comes for a while.
func (j *Journal) some(ctx context.Context, from, last uint64, each func(Record) error) (uint64, error) {
	js, err := jetstream.New(j.broker.conn)
	if err != nil {
		return from, err
	}
	consumer, err := js.OrderedConsumer(ctx, j.stream, jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: from, InactiveThreshold: consumerExpires,
	})
	if err != nil {
		return from, err
	}
	records, err := consumer.Messages(jetstream.PullExpiry(2 * quiet))
	if err != nil {
		return from, err
	}
	defer func() {
		records.Stop()
		// Best effort: a consumer that stays behind expires by itself.
		_ = js.DeleteConsumer(ctx, j.stream, consumer.CachedInfo().Name)
	}()
	for from <= last {
		if from, err = next(ctx, records, from, each); err != nil {
			break
		}
	}
	if errors.Is(err, errQuiet) && ctx.Err() == nil {
		err = nil
	}
	return from, err
}

// errQuiet says that no record came.
var errQuiet = errors.New("no record came")

func next(ctx context.Context, records jetstream.MessagesContext, from uint64, each func(Record) error) (uint64, error) {
	patience, cancel := context.WithTimeout(ctx, quiet)
	defer cancel()
	m, err := records.Next(jetstream.NextContext(patience))
	if err != nil && patience.Err() != nil {
		return from, fmt.Errorf("%w: %w", errQuiet, err)
	}
	if err != nil {
		return from, err
	}
	about, err := m.Metadata()
	if err != nil {
		return from, err
	}
	record, err := recordFrom(about.Sequence.Stream, m.Subject(), m.Data(), about.Timestamp)
	if err != nil {
		return from, err
	}
	return record.Seq + 1, each(record)
}

// Delete removes a record, so that its key is free again; that it isn't there is
// no error. With JournalConfig.Flush it is gone for good on return.
func (j *Journal) Delete(ctx context.Context, seq uint64) error {
	if err := j.remove(ctx, seq); err != nil {
		return j.failed(fmt.Sprintf("delete record %d of", seq), err)
	}
	if j.flush == nil {
		return nil
	}
	if err := j.flush.all(); err != nil {
		return j.notFlushed("delete", err)
	}
	return nil
}

func (j *Journal) remove(ctx context.Context, seq uint64) error {
	err := j.broker.api.call(ctx, "STREAM.MSG.DELETE."+j.stream, server.JSApiMsgDeleteRequest{Seq: seq}, nil)
	var apiErr *server.ApiError
	if !errors.As(err, &apiErr) {
		return err
	}
	// It has several codes for a message that isn't there.
	if _, any, lookErr := j.stored(ctx, server.JSApiMsgGetRequest{Seq: seq}); lookErr == nil && !any {
		return nil
	}
	return err
}

func (j *Journal) failed(what string, err error) error {
	return fmt.Errorf("%s journal %s: %w", what, j.Name(), err)
}

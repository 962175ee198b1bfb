package broker

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// ackWait is how long a record's ack is awaited before the record is sent again;
// all attempts together get apiTimeout.
const ackWait = 2 * time.Second

// Put writes a record and returns its sequence. The first record of a key stays:
// putting the same bytes again returns the sequence of that, other bytes give
// ErrTaken. Other errors: ErrKey, ErrTooLarge, ErrNotFlushed, ErrEngine, or ctx's
// after at most five seconds; the record may then be there or not, and the same
// Put again is always right.
func (j *Journal) Put(ctx context.Context, key string, data []byte) (seq uint64, err error) {
	seq, err = j.put(ctx, key, data)
	if err == nil {
		err = j.flushed(seq)
	}
	if err != nil {
		return 0, fmt.Errorf("write %.100q into journal %s: %w", key, j.Name(), err)
	}
	return seq, nil
}

// put is Put without flushing.
func (j *Journal) put(ctx context.Context, key string, data []byte) (seq uint64, err error) {
	m, err := j.message(key, data)
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, apiTimeout)
	defer cancel()
	err = retry(ctx, func() error {
		seq, err = j.publish(ctx, m)
		if hasCode(err, codePerSubjectFull) {
			seq, err = j.same(ctx, key, data, err)
		}
		return err
	})
	return seq, j.explained(err)
}

// Append writes a record that becomes the journal's last only if its last one so
// far is after, see Last. *FencedError (ErrFenced) says that somebody else wrote:
// read what, decide again. An Append whose answer got lost may be repeated: where
// the same record stands behind after, that is success.
func (j *Journal) Append(ctx context.Context, after uint64, key string, data []byte) (seq uint64, err error) {
	seq, err = j.append(ctx, after, key, data)
	if err == nil {
		err = j.flushed(seq)
	}
	if err != nil {
		return 0, fmt.Errorf("append %.100q to journal %s: %w", key, j.Name(), err)
	}
	return seq, nil
}

func (j *Journal) append(ctx context.Context, after uint64, key string, data []byte) (seq uint64, err error) {
	m, err := j.message(key, data)
	if err != nil {
		return 0, err
	}
	m.Header = nats.Header{server.JSExpectedLastSeq: {strconv.FormatUint(after, 10)}}
	ctx, cancel := context.WithTimeout(ctx, apiTimeout)
	defer cancel()
	err = retry(ctx, func() error {
		seq, err = j.publish(ctx, m)
		if hasCode(err, codeWrongLast) || hasCode(err, codePerSubjectFull) {
			seq, err = j.appended(ctx, after, key, data, err)
		}
		return err
	})
	if err != nil || seq == after+1 {
		return seq, j.explained(err)
	}
	// A cluster looks at the expected sequence before it agrees on an order: the
	// record is behind somebody else's, where nobody must find it.
	return 0, errors.Join(&FencedError{Stream: j.stream, Offset: offsetOf(after + 1), Last: offsetOf(seq)}, j.remove(ctx, seq))
}

func (j *Journal) message(key string, data []byte) (*nats.Msg, error) {
	token, err := keyToken(key)
	if err != nil {
		return nil, err
	}
	if len(data) > j.MaxData() {
		return nil, fmt.Errorf("%w: it has %d bytes, at most %d fit", ErrTooLarge, len(data), j.MaxData())
	}
	return &nats.Msg{Subject: j.ingest + token, Data: data}, nil
}

// publish sends a record once.
func (j *Journal) publish(ctx context.Context, m *nats.Msg) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, ackWait)
	defer cancel()
	answer, err := j.broker.conn.RequestMsgWithContext(ctx, m)
	if err != nil {
		return 0, err
	}
	return sequenceOf(answer.Data)
}

func sequenceOf(answer []byte) (uint64, error) {
	var ack server.JSPubAckResponse
	if err := json.Unmarshal(answer, &ack); err != nil {
		return 0, err
	}
	if ack.Error != nil {
		return 0, ack.Error
	}
	if ack.PubAck == nil {
		return 0, fmt.Errorf("%w: the server answered %q", ErrRefused, shortened(answer))
	}
	return ack.Sequence, nil
}

// same looks at what stands under a key that seems to be taken, for the server
// has one code for everything that can't be stored.
func (j *Journal) same(ctx context.Context, key string, data []byte, refused error) (uint64, error) {
	there, any, err := j.recordOf(ctx, key)
	switch {
	case err != nil:
		return 0, err
	case !any:
		return 0, refused
	case !bytes.Equal(there.Data, data):
		return 0, &takenError{there}
	}
	return there.Seq, nil
}

// appended tells whether a refused record is there from an attempt before.
func (j *Journal) appended(ctx context.Context, after uint64, key string, data []byte, refused error) (uint64, error) {
	there, any, err := j.recordOf(ctx, key)
	switch {
	case err != nil:
		return 0, err
	case any && there.Seq == after+1 && bytes.Equal(there.Data, data):
		return there.Seq, nil
	case hasCode(refused, codeWrongLast):
		var apiErr *server.ApiError
		errors.As(refused, &apiErr)
		return 0, refusal(j.stream, offsetOf(after+1), apiErr)
	case any:
		return 0, &takenError{there}
	}
	return 0, refused
}

// explained adds why nobody answers, where that is known.
func (j *Journal) explained(err error) error {
	if err != nil && temporary(err) {
		if why := j.broker.Failing(); why != nil {
			return fmt.Errorf("%w (%w)", why, err)
		}
	}
	return err
}

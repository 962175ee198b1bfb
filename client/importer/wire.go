package importer

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"geomq/client"
	"geomq/geo"
	"geomq/geo/entry"
)

const (
	// answerBuffer is how many answers may wait to be looked at; more of them
	// wait within nats.go.
	answerBuffer = 1024
	dialTimeout  = 2 * time.Second
)

// answer is what a log said about one sending of a line.
type answer struct {
	serial, attempt int64
	stream          string
	offset          geo.Offset
	duplicate       bool
	// err is why the line was not taken.
	err error
}

// wire is one connection to the broker, to publish lines and gather the answers.
//
// It does not come back after a loss, as nats.go would: on a connection that was
// replaced unnoticed, new lines would overtake those that got lost with the old
// one. For the same reason nats.go's asynchronous publisher is not used: it sends
// a refused line again by itself, behind later ones.
type wire struct {
	nc      *nats.Conn
	prefix  string
	answers chan<- answer
	// lost holds why the connection is of no use: it closed, or a line was not
	// permitted.
	lost   chan error
	done   chan struct{}
	closed sync.Once
}

// dial opens a wire to one of the servers in url. It takes no longer than
// dialTimeout for each.
func dial(cfg *Config, url string, answers chan<- answer) (*wire, error) {
	w := &wire{answers: answers, lost: make(chan error, 1), done: make(chan struct{})}
	options := append(append([]nats.Option(nil), cfg.Options...),
		nats.NoReconnect(), nats.Timeout(dialTimeout),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { w.judge(err) }),
		nats.ClosedHandler(func(nc *nats.Conn) { put(w.lost, lossOf(nc.LastError())) }),
	)
	nc, err := client.Connect(url, "geomq import", options...)
	if err != nil {
		return nil, err
	}
	w.nc, w.prefix = nc, nc.NewInbox()+"."
	sub, err := nc.Subscribe(w.prefix+"*.*", w.receive)
	if err == nil {
		err = sub.SetPendingLimits(-1, -1)
	}
	if err != nil {
		w.close()
		return nil, fmt.Errorf("%w: %w", ErrLog, err)
	}
	return w, nil
}

// close is safe to call more than once, and on no wire at all.
func (w *wire) close() {
	if w == nil {
		return
	}
	w.closed.Do(func() {
		close(w.done)
		w.nc.Close()
	})
}

func (w *wire) connected() bool { return w != nil && w.nc.IsConnected() }

// losses is where lost arrives; nil, so that nothing does, on no wire.
func (w *wire) losses() <-chan error {
	if w == nil {
		return nil
	}
	return w.lost
}

// put stores the latest error without waiting.
func put(c chan error, err error) {
	select {
	case <-c:
	default:
	}
	select {
	case c <- err:
	default:
	}
}

func lossOf(err error) error {
	if err == nil {
		return errors.New("the connection was closed")
	}
	return fmt.Errorf("the connection was lost: %w", err)
}

// judge looks at errors that belong to no call. A publish that is not permitted
// gets no answer, just this.
func (w *wire) judge(err error) {
	if errors.Is(err, nats.ErrPermissionViolation) {
		put(w.lost, fmt.Errorf("%w: %w", ErrLog, err))
	}
}

// send puts a parcel on the wire under its id.
func (w *wire) send(p *parcel, attempt int64, id string) error {
	return w.nc.PublishMsg(&nats.Msg{
		Subject: p.subject,
		Reply:   w.prefix + strconv.FormatInt(attempt, 10) + "." + strconv.FormatInt(p.serial, 10),
		Header:  nats.Header{entry.MessageID: {id}},
		Data:    p.body,
	})
}

func (w *wire) receive(msg *nats.Msg) {
	a, ok := w.parse(msg)
	if !ok {
		return
	}
	select {
	case <-w.done:
	case w.answers <- a:
	}
}

// parse reads an answer; what is none is left out.
func (w *wire) parse(msg *nats.Msg) (answer, bool) {
	attempt, serial, ok := strings.Cut(strings.TrimPrefix(msg.Subject, w.prefix), ".")
	var a answer
	var err error
	if a.attempt, err = strconv.ParseInt(attempt, 10, 64); err != nil || !ok {
		return a, false
	}
	if a.serial, err = strconv.ParseInt(serial, 10, 64); err != nil {
		return a, false
	}
	if len(msg.Data) == 0 && msg.Header.Get("Status") == "503" {
		a.err = jetstream.ErrNoStreamResponse
		return a, true
	}
	a.read(msg.Data)
	return a, true
}

// read fills in what JetStream says.
func (a *answer) read(data []byte) {
	var ack struct {
		Error     *jetstream.APIError `json:"error"`
		Stream    string              `json:"stream"`
		Sequence  uint64              `json:"seq"`
		Duplicate bool                `json:"duplicate"`
	}
	if err := json.Unmarshal(data, &ack); err != nil {
		a.err = fmt.Errorf("an answer that is none of JetStream's: %w", err)
		return
	}
	switch {
	case ack.Error != nil:
		a.err = ack.Error
	case ack.Stream == "" || ack.Sequence == 0:
		a.err = errors.New("an acknowledgement without an offset")
	}
	a.stream, a.offset, a.duplicate = ack.Stream, geo.Offset(ack.Sequence), ack.Duplicate
}

// tooBig is JetStream's error code for a message that the stream is too small
// for. It is the one refusal that trying again does not change.
const tooBig = 10054

func refusedForGood(err error) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) && api.ErrorCode == tooBig || errors.Is(err, nats.ErrMaxPayload)
}

package natslink

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"geomq/mirror"
)

// Listener takes the sessions that sinks of other regions open here.
type Listener struct {
	// URL, User and Password lead to this node's own broker.
	URL, User, Password string
	Name                string
	// Serve runs one session and closes conn.
	Serve func(ctx context.Context, conn mirror.Conn, hello []byte)
	// Answer answers a question that Dialer.Ask sent.
	Answer func(ctx context.Context, question []byte) []byte
	Log    *slog.Logger
}

// Run serves sessions until ctx ends, waits for those under way to end, and
// returns nil then. An error means that the own broker could not be reached.
func (l *Listener) Run(ctx context.Context) error {
	nc, err := nats.Connect(l.URL, nats.Name("geomq sources "+l.Name), nats.UserInfo(l.User, l.Password),
		nats.FlusherTimeout(writePatience), nats.SyncQueueLen(queued), nats.MaxReconnects(-1), nats.ReconnectWait(200*time.Millisecond), nats.ReconnectBufSize(-1))
	if err != nil {
		return fmt.Errorf("listen for links at %s: %w", l.URL, err)
	}
	defer nc.Close()
	var sessions sync.WaitGroup
	sub, err := nc.QueueSubscribe(openSubject, queueGroup, func(m *nats.Msg) {
		token, ok := session(m.Reply)
		if !ok {
			l.Log.Warn("refused to open a link: its reply subject is none of ours", "reply", m.Reply)
			return
		}
		c, err := open(nc, prefix+token+toSource, m.Reply, false)
		if err != nil {
			l.Log.Warn("could not open a link", "error", err)
			return
		}
		sessions.Go(func() { l.Serve(ctx, c, m.Data) })
	})
	if err != nil {
		return fmt.Errorf("listen for links at %s: %w", l.URL, err)
	}
	asks, err := nc.QueueSubscribe(askSubject, queueGroup, func(m *nats.Msg) {
		// Each in a goroutine of its own: a broker may take long over one.
		sessions.Go(func() {
			_ = m.Respond(l.Answer(ctx, m.Data)) // whoever asked asks again
		})
	})
	if err != nil {
		return fmt.Errorf("listen for questions at %s: %w", l.URL, err)
	}
	<-ctx.Done()
	_, _ = asks.Unsubscribe(), sub.Unsubscribe() // fail only on a connection that is gone
	sessions.Wait()
	_ = nc.FlushTimeout(drainPatience) // the last Bye of each; silence tells the same
	return nil
}

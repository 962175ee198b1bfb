package wire

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// Conn is one connection to one server. It never reconnects: see the package
// comment.
type Conn struct {
	cfg    Config
	raw    net.Conn
	conn   net.Conn // raw, or TLS over it
	in     *inbound // of the read goroutine
	out    *outbox
	info   atomic.Pointer[serverInfo]
	server string // name, for logs

	subs    subscriptions
	pongs   pongs
	replies replies

	inboxes     atomic.Uint64
	inboxPrefix string // "_INBOX.<random>."

	running    sync.WaitGroup
	writerDone chan struct{}
	ending     sync.Once
	done       chan struct{}
	err        error // set before done is closed
}

// Dial connects and returns once the server has accepted the credentials. It
// obeys ctx and Config.DialTimeout. Credentials that are refused give ErrAuth;
// other refusals a *ServerError; everything else is worth another attempt
// later, unless it is ErrConfig.
func Dial(ctx context.Context, cfg Config) (*Conn, error) {
	cfg = cfg.withDefaults()
	ctx, cancel := context.WithTimeout(ctx, cfg.DialTimeout)
	defer cancel()
	h, err := cfg.open(ctx)
	if err != nil {
		return nil, fmt.Errorf("connect to NATS: %w", err)
	}
	if err := h.run(ctx); err != nil {
		h.raw.Close()
		return nil, fmt.Errorf("connect to NATS at %s: %w", h.raw.RemoteAddr(), err)
	}
	return start(h), nil
}

func start(h *handshake) *Conn {
	c := &Conn{
		cfg: h.cfg, raw: h.raw, conn: h.conn, in: h.in,
		out:         newOutbox(h.conn, h.cfg.WriteBuffer, h.cfg.WriteTimeout),
		server:      h.info.Name,
		inboxPrefix: "_INBOX." + rand.Text() + ".",
		writerDone:  make(chan struct{}),
		done:        make(chan struct{}),
	}
	c.info.Store(&h.info)
	c.running.Go(func() { c.end(c.read()) })
	c.running.Go(c.write)
	return c
}

// MaxPayload returns the largest message the server takes, headers and body
// together, in bytes; 0 or less: it names no limit.
func (c *Conn) MaxPayload() int64 { return c.info.Load().MaxPayload }

// ServerID returns the id the server gave itself at its start: another id at
// the same address means that it was restarted.
func (c *Conn) ServerID() string { return c.info.Load().ID }

// ServerName returns the server's configured name.
func (c *Conn) ServerName() string { return c.info.Load().Name }

// LameDuck reports whether the server has announced that it will shut down: a
// good moment to dial another one.
func (c *Conn) LameDuck() bool { return c.info.Load().LameDuck }

// Publish buffers a message; the bytes are copied. Header is a whole block,
// sent as it is, or empty for a message without one. It blocks while
// Config.WriteBuffer is full. Errors: ErrSubject and ErrMaxPayload concern this
// message only; everything else is the reason why the Conn ended.
func (c *Conn) Publish(subject, reply string, header, body []byte) error {
	return send(c, subject, reply, header, body)
}

// PublishParts is Publish for subjects that are bytes already.
func (c *Conn) PublishParts(p Pub) error {
	return send(c, p.Subject, p.Reply, p.Header, p.Body)
}

func send[S string | []byte](c *Conn, subject, reply S, header, body []byte) error {
	if err := checkSubject(subject); err != nil {
		return err
	}
	if err := checkWord(reply); err != nil {
		return err
	}
	size := int64(len(header) + len(body))
	if limit := c.MaxPayload(); limit > 0 && size > limit {
		return fmt.Errorf("%w: %d bytes for %q, %d allowed", ErrMaxPayload, size, string(subject), limit)
	}
	return publish(c.out, subject, reply, header, body)
}

// Flush returns once everything published before is in the socket. It waits
// for no answer: see Ping.
func (c *Conn) Flush() error { return c.out.flush() }

// NewInbox returns a subject that nobody else uses, for a subscription to it or
// to what lies below it.
func (c *Conn) NewInbox() string {
	return c.inboxPrefix + strconv.FormatUint(c.inboxes.Add(1), 10)
}

// Done is closed when the connection has ended; Err tells why. A handler may
// still be running then; after Close none is.
func (c *Conn) Done() <-chan struct{} { return c.done }

// Err returns nil while the connection lives, then why it ended: ErrClosed,
// ErrSilent, ErrProtocol, ErrTooLarge, a *ServerError, or an error of the
// network.
func (c *Conn) Err() error {
	select {
	case <-c.done:
		return c.err
	default:
		return nil
	}
}

// Close writes out what is buffered, within Config.CloseTimeout, ends the
// connection and waits for its goroutines, so for a handler that is running. It
// must not be called from a handler. It returns an error if bytes were left
// unwritten. Calling it again does and returns the same.
func (c *Conn) Close() error {
	c.out.close()
	patience := time.NewTimer(c.cfg.CloseTimeout)
	defer patience.Stop()
	select {
	case <-c.writerDone:
	case <-c.done:
	case <-patience.C:
	}
	c.end(ErrClosed)
	c.running.Wait()
	if left := c.out.unwritten(); left > 0 {
		return fmt.Errorf("close: %d bytes to server %q were not written", left, c.server)
	}
	return nil
}

// end makes the first reason the reason, and stops both goroutines.
func (c *Conn) end(reason error) {
	c.ending.Do(func() {
		c.err = reason
		close(c.done)
		c.out.fail(reason)
		// The bare connection: a TLS goodbye could wait for a stuck peer.
		c.raw.Close()
	})
}

func (c *Conn) write() {
	defer close(c.writerDone)
	if err := c.out.run(); err != nil {
		c.end(fmt.Errorf("write to server %q: %w", c.server, err))
	}
}

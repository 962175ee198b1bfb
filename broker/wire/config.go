package wire

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"time"
)

// Config says how to connect. Its zero value plus URL or Dial is usable; every
// other field has a default.
type Config struct {
	// URL is nats://host:port, or tls://host:port to insist on TLS. User and
	// password in it are used if User is empty.
	URL string
	// Dial replaces URL, for example an embedded server's InProcessConn.
	Dial func(ctx context.Context) (net.Conn, error)
	// User and Password, or Token, are sent if not empty.
	User, Password, Token string
	// Name is what the server shows as this client's name.
	Name string
	// TLS, if set, makes the connection upgrade after INFO or fail. A server
	// that requires TLS gets it with the system's roots if TLS is nil.
	TLS *tls.Config
	// Log gets what concerns nobody's call. Default: discard.
	Log *slog.Logger
	// OnError gets server errors that don't end the Conn. It is called on the
	// read goroutine, under the same rules as a message handler.
	OnError func(error)

	DialTimeout  time.Duration // for the whole of Dial; default 10 s
	PingInterval time.Duration // silence before a PING; the third one ends the Conn; default 2 s
	WriteTimeout time.Duration // for the peer to take up to 256 KiB; default 10 s
	CloseTimeout time.Duration // for Close to write out what is buffered; default 2 s
	WriteBuffer  int           // bytes that may wait to be written before publishers block; default 4 MiB
	ReadBuffer   int           // bytes read at once while many arrive; grows for larger messages; default 128 KiB
	MaxMessage   int           // headers plus body a peer may announce; default 64 MiB, or max_payload if larger
}

// maxMessageDefault is the largest message a server accepts with default
// limits, whatever its max_payload is now: a stream may hold messages that were
// stored under a higher one.
const maxMessageDefault = 64 << 20

func (c Config) withDefaults() Config {
	orDuration(&c.DialTimeout, 10*time.Second)
	orDuration(&c.PingInterval, 2*time.Second)
	orDuration(&c.WriteTimeout, 10*time.Second)
	orDuration(&c.CloseTimeout, 2*time.Second)
	orInt(&c.WriteBuffer, 4<<20)
	orInt(&c.ReadBuffer, 128<<10)
	orInt(&c.MaxMessage, maxMessageDefault)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

func orDuration(d *time.Duration, def time.Duration) {
	if *d <= 0 {
		*d = def
	}
}

func orInt(n *int, def int) {
	if *n <= 0 {
		*n = def
	}
}

// target is what a URL says: where, and with what.
type target struct {
	address  string // host:port
	host     string // for the certificate
	tls      bool
	user     string
	password string
}

func parseURL(text string) (target, error) {
	u, err := url.Parse(text)
	if err != nil {
		// The error's own text would show the password.
		return target{}, fmt.Errorf("%w: the address is no URL", ErrConfig)
	}
	if (u.Scheme != "nats" && u.Scheme != "tls") || u.Hostname() == "" {
		return target{}, fmt.Errorf("%w: %q is not nats://host:port", ErrConfig, u.Redacted())
	}
	port := u.Port()
	if port == "" {
		port = "4222"
	}
	t := target{address: net.JoinHostPort(u.Hostname(), port), host: u.Hostname(), tls: u.Scheme == "tls"}
	if u.User != nil {
		t.user = u.User.Username()
		t.password, _ = u.User.Password()
	}
	return t, nil
}

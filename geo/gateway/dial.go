package gateway

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"
)

// far is a connection to a backend that has begun to speak.
type far struct {
	tcp *net.TCPConn
	// stream is tcp, or TLS over it where the gateway speaks that.
	stream net.Conn
	// greeting is the INFO line, nothing where the client's own handshake comes
	// first; lines has what the backend has sent behind it.
	greeting []byte
	lines    lines
	info     info
	// mute says that the backend won't listen to the gateway itself.
	mute bool
	// took is the time from the first packet to the greeting.
	took time.Duration
}

// dialer connects to backends.
type dialer struct {
	timeout time.Duration
	tls     TLS
	// probing is a connection for the gateway's own use, trusting one over which
	// nothing goes that others may not know.
	probing, trusting bool
}

// dial connects to a backend and waits for its greeting, for the timeout in all.
func (d dialer) dial(ctx context.Context, address string) (*far, error) {
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	began := time.Now()
	var nd net.Dialer
	conn, err := nd.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	f := &far{tcp: conn.(*net.TCPConn), stream: conn}
	release := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(past) })
	err = d.greet(ctx, f, address)
	if !release() && err == nil {
		err = context.Cause(ctx) // the deadline in the past may be set after this
	}
	if err != nil {
		conn.Close()
		if ctx.Err() != nil {
			err = fmt.Errorf("%s accepts connections and says nothing: %w", address, context.Cause(ctx))
		}
		return nil, err
	}
	f.took = time.Since(began)
	return f, nil
}

// past is a deadline that wakes whoever waits.
var past = time.Unix(1, 0)

// greet reads what the backend says first, and speaks TLS with it where clients
// can't do so themselves.
func (d dialer) greet(ctx context.Context, f *far, address string) error {
	own := d.tls.Terminates() || d.probing
	switch {
	case !d.tls.first():
	case !own:
		return nil
	default:
		if err := d.secure(ctx, f, address); err != nil {
			return err
		}
	}
	f.lines.from = f.stream
	line, err := f.lines.next()
	if err != nil {
		return err
	}
	if f.info, err = parseInfo(line); err != nil {
		return err
	}
	f.greeting = line
	if !own || !f.info.TLSRequired || f.stream != net.Conn(f.tcp) {
		return nil
	}
	if f.mute = d.probing && f.info.TLSVerify && !d.certified(); f.mute {
		return nil
	}
	return d.secure(ctx, f, address)
}

// certified tells whether the gateway has a certificate to show to backends.
func (d dialer) certified() bool {
	return d.tls.Backend != nil && (len(d.tls.Backend.Certificates) > 0 || d.tls.Backend.GetClientCertificate != nil)
}

// secure puts TLS over f.
func (d dialer) secure(ctx context.Context, f *far, address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	cfg := d.backendTLS().Clone()
	if cfg.ServerName == "" {
		cfg.ServerName = host
	}
	client := tls.Client(f.tcp, cfg)
	if err := client.HandshakeContext(ctx); err != nil {
		return fmt.Errorf("TLS with %s: %w", address, err)
	}
	f.stream, f.lines.from = client, client
	return nil
}

// backendTLS is how the gateway itself speaks TLS with backends. Without a
// configuration a probe that shows no credentials takes any certificate: all that
// it learns is that somebody answers, and clients check for themselves.
func (d dialer) backendTLS() *tls.Config {
	if d.tls.Backend != nil {
		return d.tls.Backend
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: d.trusting}
}

// refused tells an answer that nobody listens from silence.
func refused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }

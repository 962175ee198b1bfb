package gateway

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"geomq/geo"
)

// Backend is a NATS server that clients can be taken to.
type Backend struct {
	// Name is unique among the backends of a gateway; it stands in logs and metrics.
	Name   string
	Region geo.Region
	// NATS is the server's address, host:port.
	NATS string
	// User, Password and Token are for the gateway's own probe where the server
	// lets nobody in without. A Token is not used beside a User.
	User, Password, Token string
	// Admin is the base URL of the node's admin API, which tells whether it is
	// ready; empty where there is none.
	Admin string
	// Preference orders the backends of one region, the least first; alike ones
	// share the clients.
	Preference int
}

// Standing is what a Directory knows of a backend besides what probes find.
type Standing int

const (
	// Serving is the normal one.
	Serving Standing = iota
	// Draining gets no new clients and loses those it has gently.
	Draining
	// Fenced must not be reached any more: all connections are closed at once.
	Fenced
)

// Entry is a Directory's word on one backend.
type Entry struct {
	Backend
	Standing Standing
	// Why says the reason of a Standing that isn't Serving, for people.
	Why string
	// Until is when the backend's right to accept writes ends, unless another Entry
	// renews it; zero where it needs none.
	Until time.Time
}

// Directory tells which backends there are. A node implements it from what it
// knows of its region's brokers and of other regions; Static serves a fixed list.
type Directory interface {
	// Watch calls tell with the complete list, at the start and whenever something
	// has changed, from one goroutine, until ctx ends; then it returns nil. An
	// error says why there will be no more news: the last list stays in force.
	Watch(ctx context.Context, tell func([]Entry)) error
}

// Static is a Directory that never changes.
type Static []Backend

// Watch tells the list once.
func (s Static) Watch(ctx context.Context, tell func([]Entry)) error {
	entries := make([]Entry, len(s))
	for i, b := range s {
		entries[i] = Entry{Backend: b}
	}
	tell(entries)
	<-ctx.Done()
	return nil
}

// ParseBackend reads REGION=nats://[USER:PASSWORD@]HOST:PORT[,admin=URL][,name=NAME],
// as it is written on command lines; a user without a password is a token. The
// name is the server's address by default. The error wraps ErrBackend.
func ParseBackend(text string) (Backend, error) {
	parts := strings.Split(text, ",")
	region, server, ok := strings.Cut(parts[0], "=")
	if !ok {
		return Backend{}, fmt.Errorf("%w: %q lacks its region; write REGION=nats://HOST:PORT", ErrBackend, text)
	}
	b := Backend{}
	var err error
	if b.Region, err = geo.ParseRegion(region); err != nil {
		return Backend{}, fmt.Errorf("%w: %q: %w", ErrBackend, text, err)
	}
	if err := b.SetServer(server); err != nil {
		return Backend{}, err
	}
	for _, part := range parts[1:] {
		switch key, value, _ := strings.Cut(part, "="); key {
		case "admin":
			b.Admin = value
		case "name":
			b.Name = value
		default:
			return Backend{}, fmt.Errorf("%w: %q has %q; known are admin=URL and name=NAME", ErrBackend, text, part)
		}
	}
	return b, b.check()
}

// SetServer takes address and credentials from nats://[USER:PASSWORD@]HOST:PORT;
// the scheme may be missing, and so may port 4222. The name becomes the address.
func (b *Backend) SetServer(text string) error {
	if !strings.Contains(text, "://") {
		text = "nats://" + text
	}
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" {
		return fmt.Errorf("%w: a server is written nats://HOST:PORT", ErrBackend) // the text may hold a password
	}
	if u.Scheme != "nats" && u.Scheme != "tls" {
		return fmt.Errorf("%w: %s begins with %s; a server is written nats://HOST:PORT", ErrBackend, u.Host, u.Scheme)
	}
	port := u.Port()
	if port == "" {
		port = "4222"
	}
	b.NATS = net.JoinHostPort(u.Hostname(), port)
	b.Name = b.NATS
	password, has := u.User.Password()
	switch {
	case has:
		b.User, b.Password = u.User.Username(), password
	case u.User != nil:
		b.Token = u.User.Username()
	}
	return nil
}

func (b Backend) check() error {
	if b.Admin != "" {
		if u, err := url.Parse(b.Admin); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return fmt.Errorf("%w: %s: the admin API is written http://HOST:PORT, not %q", ErrBackend, b.Name, b.Admin)
		}
	}
	if _, _, err := net.SplitHostPort(b.NATS); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrBackend, b.Name, err)
	}
	if b.Name == "" || strings.ContainsAny(b.Name, " \t\r\n\"") {
		return fmt.Errorf("%w: %q is no name for %s", ErrBackend, b.Name, b.NATS)
	}
	return nil
}

// CheckBackends refuses a list that holds none, or something wrong, or two of one
// name. The error wraps ErrBackend.
func CheckBackends(backends []Backend) error {
	if len(backends) == 0 {
		return fmt.Errorf("%w: the list is empty; name at least one", ErrBackend)
	}
	seen := map[string]bool{}
	for _, b := range backends {
		if err := b.check(); err != nil {
			return err
		}
		if seen[b.Name] {
			return fmt.Errorf("%w: %s stands there twice; keep one, or give them different names", ErrBackend, b.Name)
		}
		seen[b.Name] = true
	}
	return nil
}

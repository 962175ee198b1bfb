package native

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	// hubDomain and leafDomain are the servers' JetStream domains.
	hubDomain  = "hub"
	leafDomain = "leaf"
	loopback   = "127.0.0.1"
	// startPatience bounds how long a server may take to start.
	startPatience = 30 * time.Second
)

// Server is one of the two servers.
type Server struct {
	opts    *server.Options
	server  *server.Server
	conn    *nats.Conn
	js      jetstream.JetStream
	closing sync.Once
}

// OpenHub starts the server that holds the origin, with its store in data, and
// returns once it takes connections.
func OpenHub(data string) (*Server, error) {
	opts := options(data, hubDomain)
	opts.LeafNode.Host, opts.LeafNode.Port = loopback, server.RANDOM_PORT
	opts.LeafNode.Compression.Mode = server.CompressionS2Fast
	return open(opts)
}

// OpenLeaf starts a server whose leafnode connection goes to hub, host:port, and
// returns once it takes connections.
func OpenLeaf(data, hub string) (*Server, error) {
	opts := options(data, leafDomain)
	opts.LeafNode.Remotes = []*server.RemoteLeafOpts{{
		URLs:        []*url.URL{{Scheme: "nats-leaf", Host: hub}},
		Compression: server.CompressionOpts{Mode: server.CompressionS2Fast},
	}}
	return open(opts)
}

func options(data, domain string) *server.Options {
	return &server.Options{
		ServerName: domain, Host: loopback, Port: server.RANDOM_PORT, NoSigs: true, NoLog: true,
		JetStream: true, JetStreamDomain: domain, StoreDir: data,
	}
}

func open(opts *server.Options) (*Server, error) {
	s, err := server.NewServer(opts)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrStart, err)
	}
	s.Start()
	opened := &Server{opts: opts, server: s}
	if !s.ReadyForConnections(startPatience) {
		opened.Close()
		return nil, fmt.Errorf("%w: no connections after %s with its store in %s", ErrStart, startPatience, opts.StoreDir)
	}
	if err := opened.connect(); err != nil {
		opened.Close()
		return nil, fmt.Errorf("%w: %w", ErrStart, err)
	}
	return opened, nil
}

func (s *Server) connect() (err error) {
	if s.conn, err = nats.Connect(s.URL()); err != nil {
		return err
	}
	s.js, err = jetstream.New(s.conn)
	return err
}

// URL is where clients connect.
func (s *Server) URL() string { return s.server.ClientURL() }

// LeafAddr is where a hub takes leafnode connections, as host:port.
func (s *Server) LeafAddr() string {
	return net.JoinHostPort(loopback, strconv.Itoa(s.opts.LeafNode.Port))
}

// CreateOrigin makes a stream on files that captures subjects.
func (s *Server) CreateOrigin(ctx context.Context, name string, subjects ...string) error {
	_, err := s.js.CreateStream(ctx, jetstream.StreamConfig{Name: name, Subjects: subjects, Storage: jetstream.FileStorage})
	if err != nil {
		return fmt.Errorf("create the origin %s: %w", name, err)
	}
	return nil
}

// AwaitHub returns when a leaf reaches the JetStream of its hub, so that a mirror
// would begin at once; or with ctx's error.
func (s *Server) AwaitHub(ctx context.Context) error {
	for {
		_, err := s.conn.RequestWithContext(ctx, "$JS."+hubDomain+".API.INFO", nil)
		if err == nil {
			return nil
		}
		pause := time.NewTimer(10 * time.Millisecond)
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return fmt.Errorf("reach the hub: %w", ctx.Err())
		}
	}
}

// CreateMirror makes a mirror on files of the hub's stream name.
func (s *Server) CreateMirror(ctx context.Context, name string) error {
	_, err := s.js.CreateStream(ctx, jetstream.StreamConfig{
		Name: name, Storage: jetstream.FileStorage,
		Mirror: &jetstream.StreamSource{Name: name, Domain: hubDomain},
	})
	if err != nil {
		return fmt.Errorf("create the mirror of %s: %w", name, err)
	}
	return nil
}

// Close stops the server and waits until its files are closed. Calling it again
// does nothing.
func (s *Server) Close() error {
	s.closing.Do(func() {
		if s.conn != nil {
			s.conn.Close()
		}
		s.server.Shutdown()
		s.server.WaitForShutdown()
	})
	return nil
}

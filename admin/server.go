package admin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

const (
	readTimeout     = 10 * time.Second
	writeTimeout    = 30 * time.Second
	idleTimeout     = time.Minute
	shutdownTimeout = 3 * time.Second
	maxRequest      = 16 << 10 // bytes of a request's header
)

// Server serves the admin API of one node.
type Server struct {
	cfg      Config
	listener net.Listener
	http     *http.Server
	peers    *http.Client       // asks other nodes
	cancel   context.CancelFunc // ends every request
	stop     sync.Once
}

// New opens the listener, so that Addr is known and a busy port shows at once
// (as an error that matches syscall.EADDRINUSE). Nothing is answered until Run.
func New(cfg Config) (*Server, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	metrics, err := newMetrics(cfg)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("admin API at %s: %w", cfg.Listen, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &Server{cfg: cfg, listener: listener, cancel: cancel, peers: newHTTPClient()}
	s.http = &http.Server{
		Handler:     s.guard(s.routes(metrics)),
		ReadTimeout: readTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxRequest,
		ErrorLog:    slog.NewLogLogger(cfg.Log.Handler(), slog.LevelDebug),
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	return s, nil
}

// Addr is the address that the server listens at, its port the real one.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// URL is the base of the API at Addr.
func (s *Server) URL() string { return "http://" + s.Addr() }

// Run answers until ctx ends or Close is called, and returns nil then. Requests
// under way are ended.
func (s *Server) Run(ctx context.Context) error {
	served := make(chan error, 1)
	go func() { served <- s.http.Serve(s.listener) }()
	select {
	case err := <-served:
		return s.ended(err)
	case <-ctx.Done():
		s.Close()
		return s.ended(<-served)
	}
}

func (s *Server) ended(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("admin API at %s: %w", s.Addr(), err)
}

// Close ends every request, waits for them, and frees the address.
func (s *Server) Close() error {
	s.stop.Do(func() {
		s.cancel()
		ctx, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
		defer cancel()
		if err := s.http.Shutdown(ctx); err != nil {
			s.cfg.Log.Warn("requests to the admin API had to be cut off", "error", err)
			s.http.Close()
		}
		s.listener.Close() // where Run never was, nobody else does
		s.peers.CloseIdleConnections()
	})
	return nil
}

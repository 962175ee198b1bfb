package gatewayhttp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"geomq/geo/gateway"
)

const (
	patience   = 5 * time.Second
	maxRequest = 16 << 10 // bytes of a request's header
	maxStatus  = 8 << 20
)

// ErrNoAnswer goes to callers of Fetch: nobody answers there, or no gateway does.
// Check the address.
var ErrNoAnswer = errors.New("no gateway answers")

// Server serves the status of one gateway.
type Server struct {
	listener net.Listener
	http     *http.Server
	stop     sync.Once
}

// New opens the listener, so that Addr is known and a busy port shows at once (as
// an error that matches syscall.EADDRINUSE). Nothing is answered until Run.
func New(listen string, source Source) (*Server, error) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(Collector{source}, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return nil, fmt.Errorf("metrics and status at %s: %w", listen, err)
	}
	mux := http.NewServeMux()
	mux.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError}))
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok\n") })
	mux.HandleFunc("/readyz", func(w http.ResponseWriter, _ *http.Request) { serveReady(w, source()) })
	mux.HandleFunc("/status", func(w http.ResponseWriter, _ *http.Request) { serveStatus(w, source()) })
	return &Server{listener: listener, http: &http.Server{
		Handler: guard(mux), ReadTimeout: patience, WriteTimeout: 2 * patience, IdleTimeout: time.Minute, MaxHeaderBytes: maxRequest,
	}}, nil
}

// Addr is the address that the server listens at, its port the real one.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Run answers until ctx ends or Close is called, and returns nil then.
func (s *Server) Run(ctx context.Context) error {
	served := make(chan error, 1)
	go func() { served <- s.http.Serve(s.listener) }()
	var err error
	select {
	case err = <-served:
	case <-ctx.Done():
		s.Close()
		err = <-served
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("metrics and status at %s: %w", s.Addr(), err)
}

// Close ends every request and frees the address.
func (s *Server) Close() {
	s.stop.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if s.http.Shutdown(ctx) != nil {
			s.http.Close()
		}
		s.listener.Close() // where Run never was, nobody else does
	})
}

func serveReady(w http.ResponseWriter, st gateway.Status) {
	if !st.Serves {
		http.Error(w, "no backend takes clients; see /status", http.StatusServiceUnavailable)
		return
	}
	io.WriteString(w, "ready\n")
}

func serveStatus(w http.ResponseWriter, st gateway.Status) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(st) // whoever asked has gone away
}

// guard answers only reading requests that are meant for this host. A page in a
// browser can have its own name resolve to our address, but the request carries
// that name then.
func guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		switch {
		case !meantForUs(r.Host):
			http.Error(w, "ask by IP address or as localhost", http.StatusMisdirectedRequest)
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			http.Error(w, "this only reads: use GET or HEAD", http.StatusMethodNotAllowed)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

func meantForUs(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	_, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil || strings.EqualFold(host, "localhost")
}

// Fetch asks the gateway whose Server is at base, such as http://127.0.0.1:8310,
// for its status. The error wraps ErrNoAnswer.
func Fetch(ctx context.Context, base string) (*gateway.Status, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(base, "/")+"/status", nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoAnswer, err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoAnswer, err)
	}
	defer answer.Body.Close()
	var st gateway.Status
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxStatus))
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("it says %s", answer.Status)
	}
	if err == nil {
		err = json.Unmarshal(text, &st)
	}
	if err == nil && st.Listen == "" {
		err = errors.New("what answers is no gateway")
	}
	if err != nil {
		return nil, fmt.Errorf("%w at %s: %w", ErrNoAnswer, base, err)
	}
	return &st, nil
}

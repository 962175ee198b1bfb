package wire_test

import (
	"errors"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"geomq/broker/wire"
)

func TestAServerThatStopsEndsTheConnection(t *testing.T) {
	s := startServer(t, nil)
	c := dial(t, s, wire.Config{})
	s.Shutdown()
	await(t, "the end", c.Done())
	if c.Err() == nil || errors.Is(c.Err(), wire.ErrClosed) {
		t.Errorf("reason: %v", c.Err())
	}
}

func TestABlackHoleOnTCPEndsTheConnection(t *testing.T) {
	s := startServer(t, nil)
	p := startProxy(t, s.Addr().String())
	c, err := wire.Dial(t.Context(), wire.Config{URL: "nats://" + p.address(), PingInterval: 100 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ping(t, c)
	p.swallow.Store(true)
	start := time.Now()
	await(t, "the end", c.Done())
	if took := time.Since(start); took > 5*time.Second || !errors.Is(c.Err(), wire.ErrSilent) {
		t.Errorf("after %v: %v", took, c.Err())
	}
}

// proxy forwards until it is told to swallow: then it takes bytes and passes
// none on, and closes nothing.
type proxy struct {
	listener net.Listener
	swallow  atomic.Bool
}

func startProxy(t *testing.T, target string) *proxy {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: l}
	t.Cleanup(func() { l.Close() })
	go func() {
		client, err := l.Accept()
		if err != nil {
			return
		}
		upstream, err := net.Dial("tcp", target)
		if err != nil {
			t.Error(err)
			return
		}
		t.Cleanup(func() { client.Close(); upstream.Close() })
		go io.Copy(p.through(upstream), client)
		go io.Copy(p.through(client), upstream)
	}()
	return p
}

func (p *proxy) address() string { return p.listener.Addr().String() }

func (p *proxy) through(w io.Writer) io.Writer {
	return writerFunc(func(b []byte) (int, error) {
		if p.swallow.Load() {
			return len(b), nil
		}
		return w.Write(b)
	})
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

func TestNoGoroutineOutlivesClose(t *testing.T) {
	s := startServer(t, nil)
	for range 20 {
		c := dial(t, s, wire.Config{})
		collect(t, c, "a")
		if _, err := c.Request(t.Context(), "nobody", nil, nil); !errors.Is(err, wire.ErrNoResponders) {
			t.Fatal(err)
		}
		var closers sync.WaitGroup
		for range 3 {
			closers.Go(func() {
				if err := c.Close(); err != nil {
					t.Error(err)
				}
			})
		}
		closers.Wait()
	}
	stacks := make([]byte, 1<<20)
	if text := string(stacks[:runtime.Stack(stacks, true)]); strings.Contains(text, "wire.(*Conn)") {
		t.Errorf("still running:\n%s", text)
	}
}

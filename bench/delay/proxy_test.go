package delay_test

import (
	"bytes"
	"io"
	"math/rand/v2"
	"net"
	"testing"
	"time"

	"geomq/bench/delay"
)

// echo answers with what it gets, until the sender ends.
func echo(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				io.Copy(conn, conn)
			}()
		}
	}()
	return l.Addr().String()
}

func open(t *testing.T, target string) *delay.Proxy {
	t.Helper()
	p, err := delay.Listen(target)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

func dial(t *testing.T, p *delay.Proxy) *net.TCPConn {
	t.Helper()
	conn, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn.(*net.TCPConn)
}

func TestARoundTripTakesItsTime(t *testing.T) {
	const roundTrip = 60 * time.Millisecond
	p := open(t, echo(t))
	p.Open(roundTrip)
	conn := dial(t, p)
	for range 3 {
		began := time.Now()
		if _, err := conn.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(conn, make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took < roundTrip {
			t.Errorf("a round trip took %s, less than %s", took, roundTrip)
		}
	}
}

// A delay must not become a limit of the rate: everything under way waits at the
// same time.
func TestBytesWaitTogetherAndArriveInOrder(t *testing.T) {
	const size, roundTrip, bound = 8 << 20, 50 * time.Millisecond, 10 * time.Second
	p := open(t, echo(t))
	path := p.Open(roundTrip)
	conn := dial(t, p)
	sent := make([]byte, size)
	rand.NewChaCha8([32]byte{1}).Read(sent)
	began := time.Now()
	go func() {
		conn.Write(sent)
		conn.CloseWrite()
	}()
	got, err := io.ReadAll(conn)
	if err != nil || !bytes.Equal(got, sent) {
		t.Fatalf("%d bytes came back of %d, or other ones: %v", len(got), size, err)
	}
	if took := time.Since(began); took < roundTrip || took > bound {
		t.Errorf("%d chunks took %s", size>>16, took)
	}
	if n := path.Bytes(); n != 2*size {
		t.Errorf("%d bytes counted, want %d", n, 2*size)
	}
}

func TestConnectionsStayOnTheirPath(t *testing.T) {
	p := open(t, echo(t))
	old := dial(t, p)
	exchange(t, old, "before")
	path := p.Open(0)
	exchange(t, old, "still the old path")
	if n := path.Bytes(); n != 0 || !path.Began().IsZero() {
		t.Errorf("%d bytes counted that belong to another path, begun %v", n, path.Began())
	}
	exchange(t, dial(t, p), "four")
	<-path.Used()
	if n := path.Bytes(); n != 8 || path.Began().IsZero() {
		t.Errorf("%d bytes counted, want 8; begun %v", n, path.Began())
	}
}

func exchange(t *testing.T, conn net.Conn, text string) {
	t.Helper()
	if _, err := conn.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(text))
	if _, err := io.ReadFull(conn, got); err != nil || string(got) != text {
		t.Fatalf("%q came back as %q: %v", text, got, err)
	}
}

func TestCloseEndsWhatIsUnderWay(t *testing.T) {
	p := open(t, echo(t))
	conn := dial(t, p)
	exchange(t, conn, "x")
	p.Close()
	if _, err := conn.Read(make([]byte, 1)); err == nil {
		t.Error("the connection lives on")
	}
	if _, err := net.Dial("tcp", p.Addr()); err == nil {
		t.Error("the proxy still listens")
	}
	p.Close()
}

func TestAConnectionWithoutATargetIsClosed(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	target := l.Addr().String()
	l.Close()
	conn := dial(t, open(t, target))
	if _, err := conn.Read(make([]byte, 1)); err == nil {
		t.Error("somebody answers")
	}
}

package geotest

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"
)

// echo sends everything back.
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
				_, _ = io.Copy(conn, conn)
				conn.Close()
			}()
		}
	}()
	return l.Addr().String()
}

func dial(t *testing.T, p *Proxy) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// ask sends text and returns what comes back of it within patience.
func ask(conn net.Conn, text string, patience time.Duration) (string, error) {
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return "", err
	}
	if _, err := io.WriteString(conn, text); err != nil {
		return "", err
	}
	got := make([]byte, len(text))
	n, err := io.ReadFull(conn, got)
	return string(got[:n]), err
}

func mustAnswer(t *testing.T, conn net.Conn, text string) {
	t.Helper()
	if got, err := ask(conn, text, 10*time.Second); got != text {
		t.Fatalf("%q came back for %q: %v", got, text, err)
	}
}

func mustBeSilent(t *testing.T, conn net.Conn) {
	t.Helper()
	if got, err := ask(conn, "anybody?", 100*time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) || got != "" {
		t.Fatalf("want silence, got %q, %v", got, err)
	}
}

func TestAResetTellsBothOldAndNewConnections(t *testing.T) {
	p := StartProxy(t, echo(t))
	conn := dial(t, p)
	mustAnswer(t, conn, "hello")
	p.Reset()
	told := func(err error) {
		t.Helper()
		if !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
			t.Errorf("want a reset, got %v", err)
		}
	}
	_, err := ask(conn, "hello", 10*time.Second)
	told(err)
	fresh, err := net.Dial("tcp", p.Addr())
	if err == nil { // else it was told sooner
		defer fresh.Close()
		_, err = ask(fresh, "hello", 10*time.Second)
	}
	told(err)
	p.Heal()
	mustAnswer(t, dial(t, p), "hello again")
}

func TestABlackHoleTellsNobodyEvenAfterTheHeal(t *testing.T) {
	p := StartProxy(t, echo(t))
	old := dial(t, p)
	mustAnswer(t, old, "hello")
	p.lose(upward, downward)
	mustBeSilent(t, old)
	during := dial(t, p)
	mustBeSilent(t, during)
	p.Heal()
	mustBeSilent(t, old)
	mustAnswer(t, dial(t, p), "hello again")
	if err := during.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	late := make([]byte, len("anybody?"))
	if _, err := io.ReadFull(during, late); err != nil || string(late) != "anybody?" {
		t.Errorf("who connected in the hole and waited was not connected after the heal: %q, %v", late, err)
	}
}

func TestOneWayLosesOneDirection(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	p := StartProxy(t, l.Addr().String())
	near := dial(t, p)
	far, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	p.lose(upward)
	if _, err := io.WriteString(near, "lost"); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(far, "found"); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 5)
	if _, err := io.ReadFull(near, got); err != nil || string(got) != "found" {
		t.Errorf("the other direction brought %q, %v", got, err)
	}
	if err := far.SetReadDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if n, err := far.Read(got); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("want silence, got %d bytes, %v", n, err)
	}
}

func TestHalfOpenConnectionsHearNothingMore(t *testing.T) {
	for _, towardsTarget := range []bool{false, true} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		p := StartProxy(t, l.Addr().String())
		meet := func() [2]net.Conn {
			t.Helper()
			near := dial(t, p)
			far, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { far.Close() })
			if _, err := io.WriteString(near, "x"); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(far, make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
			return [2]net.Conn{near, far}
		}
		ends := meet()
		p.HalfOpen(towardsTarget)
		told, silent := ends[0], ends[1]
		if towardsTarget {
			told, silent = silent, told
		}
		if _, err := ask(told, "hello", 10*time.Second); !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
			t.Errorf("the end that was forgotten got %v, not a reset", err)
		}
		mustBeSilent(t, silent)
		meet()
	}
}

func TestDelaySlicesAndRateChangeNoByte(t *testing.T) {
	p := StartProxy(t, echo(t))
	p.Delay(30 * time.Millisecond)
	p.Slice(7)
	conn := dial(t, p)
	mustAnswer(t, conn, "x") // the connection is there
	began := time.Now()
	mustAnswer(t, conn, "hello")
	if took := time.Since(began); took < 60*time.Millisecond {
		t.Errorf("there and back took %s through a delay of 30ms", took)
	}
	mustAnswer(t, conn, string(bytes.Repeat([]byte("0123456789"), 5000)))
	p.Delay(0)
	p.Slice(0)
	p.Rate(100_000)
	began = time.Now()
	mustAnswer(t, conn, string(bytes.Repeat([]byte("0123456789"), 5000)))
	if took := time.Since(began); took < 400*time.Millisecond {
		t.Errorf("50 kB took %s at 100 kB/s", took)
	}
}

// A peer that dies is noticed through the proxy as without it.
func TestTheEndOfAStreamPasses(t *testing.T) {
	p := StartProxy(t, echo(t))
	conn := dial(t, p)
	mustAnswer(t, conn, "hello")
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if n, err := conn.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("want the end, got %d bytes, %v", n, err)
	}
}

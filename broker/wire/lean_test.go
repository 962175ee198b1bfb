package wire

import (
	"bufio"
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// tcpPeer shakes hands on a loopback connection and returns both ends. A real
// server in this process would count its own allocations.
func tcpPeer(t testing.TB) (*Conn, net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	accepted := make(chan net.Conn, 1)
	go func() {
		conn, err := l.Accept()
		if err != nil {
			t.Error(err)
			return
		}
		io.WriteString(conn, "INFO {\"headers\":true,\"max_payload\":1048576}\r\n")
		lines := bufio.NewReader(conn)
		for line := ""; line != "PING\r\n"; {
			if line, err = lines.ReadString('\n'); err != nil {
				t.Error(err)
				return
			}
		}
		io.WriteString(conn, "PONG\r\n")
		accepted <- conn
	}()
	c, err := Dial(context.Background(), Config{URL: "nats://" + l.Addr().String(), PingInterval: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	theirs := <-accepted
	t.Cleanup(func() { c.Close(); theirs.Close() })
	return c, theirs
}

func TestPublishingDoesNotAllocate(t *testing.T) {
	c, theirs := tcpPeer(t)
	go func() {
		sink := make([]byte, 64<<10)
		for err := error(nil); err == nil; {
			_, err = theirs.Read(sink)
		}
	}()
	p := Pub{Subject: []byte("orders.created"), Reply: []byte("_INBOX.x.1"), Header: []byte("NATS/1.0\r\na: b\r\n\r\n"), Body: make([]byte, 128)}
	subject := strings.Repeat("orders.", 10) + "created"
	round := func() {
		for range 1000 {
			if c.PublishParts(p) != nil || c.Publish(subject, "", nil, p.Body) != nil {
				t.Error(c.Err())
			}
		}
		if err := c.Flush(); err != nil {
			t.Error(err)
		}
	}
	for range 100 { // both buffers grow to what one round needs
		round()
	}
	if n := testing.AllocsPerRun(100, round); n > 20 {
		t.Errorf("%v allocations for 2,000 messages", n)
	}
}

func TestReceivingDoesNotAllocate(t *testing.T) {
	c, theirs := tcpPeer(t)
	seen, complete := 0, make(chan struct{})
	if _, err := c.Subscribe("orders.>", func(m *Msg) {
		if code, _ := m.Status(); code == 0 && len(m.Body) == 128 {
			seen++
		}
		if seen%1000 == 0 {
			complete <- struct{}{}
		}
	}); err != nil {
		t.Fatal(err)
	}
	stream := []byte(strings.Repeat("HMSG orders.created 1 _INBOX.x.1 18 146\r\nNATS/1.0\r\na: b\r\n\r\n"+strings.Repeat("b", 128)+"\r\n", 1000))
	round := func() {
		if _, err := theirs.Write(stream); err != nil {
			t.Error(err)
		}
		<-complete
	}
	round()
	if n := testing.AllocsPerRun(100, round); n > 10 {
		t.Errorf("%v allocations for 1,000 messages", n)
	}
}

package wire

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// peer is the server's end of a pipe, played by the test in fake time.
type peer struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

// dialPeer returns a Conn and the peer it shook hands with.
func dialPeer(t *testing.T, cfg Config) (*Conn, *peer) {
	t.Helper()
	ours, theirs := net.Pipe()
	p := &peer{t: t, conn: theirs, in: bufio.NewReader(theirs)}
	go func() {
		p.say(`INFO {"server_id":"ID","server_name":"script","headers":true,"max_payload":1000}` + "\r\n")
		p.readUntil("PING\r\n")
		p.say("PONG\r\n")
	}()
	cfg.Dial = func(context.Context) (net.Conn, error) { return ours, nil }
	c, err := Dial(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
	return c, p
}

func (p *peer) say(text string) {
	if _, err := io.WriteString(p.conn, text); err != nil {
		p.t.Errorf("peer says %q: %v", text, err)
	}
}

func (p *peer) readUntil(line string) {
	for {
		got, err := p.in.ReadString('\n')
		if err != nil {
			p.t.Errorf("peer waits for %q: %v", line, err)
			return
		}
		if got == line {
			return
		}
	}
}

// swallow reads whatever comes, and says nothing.
func (p *peer) swallow() { io.Copy(io.Discard, p.in) }

func TestABlackHoleEndsTheConnectionInSixSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p := dialPeer(t, Config{})
		go p.swallow()
		start := time.Now()
		<-c.Done()
		if took := time.Since(start); took != 6*time.Second {
			t.Errorf("noticed after %v", took)
		}
		if !errors.Is(c.Err(), ErrSilent) || !strings.Contains(c.Err().Error(), `"script"`) {
			t.Errorf("reason: %v", c.Err())
		}
		if err := c.Publish("a", "", nil, nil); !errors.Is(err, ErrSilent) {
			t.Errorf("publish afterwards: %v", err)
		}
		if err := c.Ping(t.Context()); !errors.Is(err, ErrSilent) {
			t.Errorf("ping afterwards: %v", err)
		}
		c.Close()
	})
}

func TestAnIdlePeerThatAnswersStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p := dialPeer(t, Config{})
		for range 100 {
			p.readUntil("PING\r\n")
			p.say("PONG\r\n")
		}
		if err := c.Err(); err != nil {
			t.Errorf("after 200 s of idling: %v", err)
		}
		go p.swallow()
		c.Close()
	})
}

func TestAHandlerThatTakesAMinuteIsNoSilenceOfThePeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p := dialPeer(t, Config{})
		go p.swallow()
		if _, err := c.Subscribe("a", func(*Msg) { time.Sleep(time.Minute) }); err != nil {
			t.Fatal(err)
		}
		p.say("MSG a 1 0\r\n\r\n")
		time.Sleep(61 * time.Second)
		if err := c.Err(); err != nil {
			t.Errorf("ended: %v", err)
		}
		c.Close()
	})
}

func TestAPeerThatTakesNoBytesEndsTheConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := dialPeer(t, Config{PingInterval: time.Hour, WriteBuffer: 100})
		start := time.Now()
		var err error
		for err == nil { // the first fills the pipe, others the buffer, then publishing blocks
			err = c.Publish("a", "", nil, make([]byte, 60))
		}
		if took := time.Since(start); took != 10*time.Second || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("blocked for %v: %v", took, err)
		}
		if err := c.Flush(); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("flush: %v", err)
		}
		if err := c.Close(); err == nil {
			t.Error("Close doesn't tell that bytes were not written")
		}
	})
}

func TestAPublisherWaitsForRoomAndGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p := dialPeer(t, Config{WriteBuffer: 100, PingInterval: time.Hour})
		published := 0
		go func() {
			for range 10 {
				if err := c.Publish("a", "", nil, make([]byte, 60)); err != nil {
					t.Error(err)
				}
				published++
			}
		}()
		synctest.Wait()
		if published != 2 { // one being written, one waiting
			t.Errorf("%d messages accepted into a buffer of 100 bytes", published)
		}
		go p.swallow()
		synctest.Wait()
		if published != 10 {
			t.Errorf("%d messages once the peer reads", published)
		}
		c.Close()
	})
}

func TestALaterInfoIsTakenOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p := dialPeer(t, Config{})
		if c.LameDuck() || c.MaxPayload() != 1000 || c.ServerID() != "ID" || c.ServerName() != "script" {
			t.Errorf("at first: %+v", c.info.Load())
		}
		p.say(`INFO {"max_payload":10,"ldm":true}` + "\r\n")
		synctest.Wait()
		if !c.LameDuck() || c.MaxPayload() != 10 || c.ServerID() != "ID" {
			t.Errorf("afterwards: %+v", c.info.Load())
		}
		if err := c.Publish("a", "", nil, make([]byte, 11)); !errors.Is(err, ErrMaxPayload) {
			t.Errorf("publish above the new limit: %v", err)
		}
		c.Close()
	})
}

func TestMessagesForAnEndedSubscriptionAreDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p := dialPeer(t, Config{})
		go p.swallow()
		var got []string
		var sub *Sub
		sub, err := c.Subscribe("a", func(m *Msg) {
			got = append(got, string(m.Body))
			if err := sub.Unsubscribe(); err != nil {
				t.Error(err)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		p.say("MSG a 1 1\r\n1\r\nMSG a 1 1\r\n2\r\nMSG a 99 1\r\n3\r\n")
		synctest.Wait()
		if fmt.Sprint(got) != "[1]" {
			t.Errorf("handler got %v", got)
		}
		if err := sub.Unsubscribe(); err != nil {
			t.Errorf("again: %v", err)
		}
		c.Close()
	})
}

func TestFlushReturnsOnceTheBytesAreOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p := dialPeer(t, Config{PingInterval: time.Hour})
		c.Publish("a", "", nil, nil)
		flushed := false
		go func() {
			if err := c.Flush(); err != nil {
				t.Error(err)
			}
			flushed = true
		}()
		synctest.Wait()
		if flushed {
			t.Error("Flush returned although the peer has taken nothing")
		}
		go p.swallow()
		synctest.Wait()
		if !flushed {
			t.Error("Flush still waits although the peer has taken everything")
		}
		c.Close()
	})
}

func TestTheLimitOfOneMessageFollowsMaxPayload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p := dialPeer(t, Config{MaxMessage: 10})
		go p.swallow()
		message := func(size int) string {
			return fmt.Sprintf("MSG a 1 %d\r\n%s\r\n", size, strings.Repeat("b", size))
		}
		p.say(message(1000) + "INFO {\"max_payload\":2000}\r\n" + message(2000))
		synctest.Wait()
		if err := c.Err(); err != nil {
			t.Errorf("messages within max_payload: %v", err)
		}
		p.say("MSG a 1 2001\r\n")
		<-c.Done()
		if !errors.Is(c.Err(), ErrTooLarge) {
			t.Errorf("a message above it: %v", c.Err())
		}
		c.Close()
	})
}

package wire

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestCloseWithAStuckPeerIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := dialPeer(t, Config{})
		c.Publish("a", "", nil, nil)
		start := time.Now()
		first := c.Close()
		if took := time.Since(start); took != 2*time.Second || first == nil {
			t.Errorf("took %v: %v", took, first)
		}
		if second := c.Close(); second == nil || second.Error() != first.Error() {
			t.Errorf("second Close: %v, first: %v", second, first)
		}
		if !errors.Is(c.Err(), ErrClosed) {
			t.Errorf("reason: %v", c.Err())
		}
	})
}

func TestCloseWritesOutWhatIsBuffered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p := dialPeer(t, Config{})
		for range 1000 {
			c.Publish("a", "", nil, []byte("x"))
		}
		received := make(chan string, 1)
		go func() {
			all, _ := io.ReadAll(p.in)
			received <- string(all)
		}()
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		if n := strings.Count(<-received, "PUB a 1\r\nx\r\n"); n != 1000 {
			t.Errorf("%d of 1000 messages arrived", n)
		}
		if err := c.Publish("a", "", nil, nil); !errors.Is(err, ErrClosed) {
			t.Errorf("publish after Close: %v", err)
		}
	})
}

func TestAServersPingDuringCloseDoesNotCutTheFlushShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p := dialPeer(t, Config{})
		c.Publish("a", "", nil, []byte("x"))
		closed := make(chan error)
		go func() { closed <- c.Close() }()
		synctest.Wait()
		p.say("PING\r\n")
		synctest.Wait()
		go p.swallow()
		if err := <-closed; err != nil {
			t.Error(err)
		}
	})
}

func TestWhatEndsAConnectionIsItsReason(t *testing.T) {
	for said, want := range map[string]error{
		"MSG a 1 5\r\nhello!\r\n":                ErrProtocol,
		"INFO {broken\r\n":                       ErrProtocol,
		"MSG a 1 99999999999\r\n":                ErrTooLarge,
		"-ERR 'User Authentication Expired'\r\n": ErrAuth,
		"-ERR 'Maximum Payload Violation'\r\n":   ErrMaxPayload,
		"-ERR 'Stale Connection'\r\n":            &ServerError{Text: "Stale Connection"},
	} {
		synctest.Test(t, func(t *testing.T) {
			c, p := dialPeer(t, Config{})
			p.say(said)
			<-c.Done()
			var asServer, wantServer *ServerError
			if errors.As(want, &wantServer) {
				if !errors.As(c.Err(), &asServer) || asServer.Text != wantServer.Text {
					t.Errorf("%q: %v", said, c.Err())
				}
			} else if !errors.Is(c.Err(), want) {
				t.Errorf("%q: %v, want %v", said, c.Err(), want)
			}
			c.Close()
		})
	}
}

func TestAPeerThatClosesIsNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p := dialPeer(t, Config{})
		p.conn.Close()
		<-c.Done()
		if !errors.Is(c.Err(), io.EOF) || !strings.Contains(c.Err().Error(), `"script"`) {
			t.Errorf("reason: %v", c.Err())
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestNoHandlerRunsAfterClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, p := dialPeer(t, Config{})
		go p.swallow()
		running := false
		if _, err := c.Subscribe("a", func(*Msg) {
			running = true
			time.Sleep(time.Minute)
			running = false
		}); err != nil {
			t.Fatal(err)
		}
		p.say("MSG a 1 0\r\n\r\n")
		synctest.Wait()
		if c.Close(); running {
			t.Error("Close returned while a handler runs")
		}
	})
}

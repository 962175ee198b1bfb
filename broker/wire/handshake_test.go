package wire

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestAHandshakeThatStopsIsBounded(t *testing.T) {
	for name, script := range map[string]string{
		"says nothing":    "",
		"stops at INFO":   "INFO {\"headers\":true}\r\n",
		"dribbles a line": "INFO {\"hea",
	} {
		synctest.Test(t, func(t *testing.T) {
			ours, theirs := net.Pipe()
			go func() {
				io.WriteString(theirs, script)
				io.Copy(io.Discard, theirs)
			}()
			start := time.Now()
			_, err := Dial(t.Context(), Config{Dial: func(context.Context) (net.Conn, error) { return ours, nil }})
			if took := time.Since(start); took != 10*time.Second || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: %v after %v", name, err, took)
			}
		})
	}
}

func TestAHandshakeWithSomethingElseFails(t *testing.T) {
	for script, want := range map[string]error{
		"HTTP/1.1 400 Bad Request\r\n":       ErrProtocol,
		"PING\r\n":                           ErrProtocol,
		"INFO {}\r\n":                        ErrConfig,
		"-ERR 'Authorization Violation'\r\n": ErrAuth,
		"INFO {\"headers\":true,\"tls_required\":true}\r\n+OK\r\n": ErrTLS,
	} {
		synctest.Test(t, func(t *testing.T) {
			ours, theirs := net.Pipe()
			go io.WriteString(theirs, script)
			_, err := Dial(t.Context(), Config{Dial: func(context.Context) (net.Conn, error) { return ours, nil }})
			if !errors.Is(err, want) {
				t.Errorf("%q: %v, want %v", script, err, want)
			}
		})
	}
}

func TestAnUnusableURLIsRefusedBeforeDialling(t *testing.T) {
	for _, text := range []string{"", "localhost:4222", "http://localhost:4222", "nats://", "nats://a b"} {
		if _, err := Dial(t.Context(), Config{URL: text}); !errors.Is(err, ErrConfig) {
			t.Errorf("%q: %v", text, err)
		}
	}
	for _, text := range []string{"nats://ann:secret@a b", "http://ann:secret@localhost"} {
		if _, err := parseURL(text); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", text, err)
		}
	}
	got, err := parseURL("tls://ann:secret@[::1]")
	if want := (target{address: "[::1]:4222", host: "::1", tls: true, user: "ann", password: "secret"}); err != nil || got != want {
		t.Errorf("got %+v, %v", got, err)
	}
}

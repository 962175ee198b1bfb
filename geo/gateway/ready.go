package gateway

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"
)

const (
	readyEvery   = time.Second
	readyTimeout = 2 * time.Second
	longestWhy   = 2 << 10
)

// watchReady asks a backend's admin API whether it is ready, until ctx ends. An
// API that doesn't answer says nothing about the broker.
func watchReady(ctx context.Context, b Backend, tell func(Event)) {
	client := &http.Client{
		Timeout:       readyTimeout,
		Transport:     &http.Transport{MaxIdleConns: 1, IdleConnTimeout: time.Minute},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	defer client.CloseIdleConnections()
	address := strings.TrimSuffix(b.Admin, "/") + "/readyz"
	for ctx.Err() == nil {
		if ready, why, ok := askReady(ctx, client, address); ok {
			tell(Told{Backend: b.Name, Ready: ready, Why: why})
		}
		wait(ctx, readyEvery)
	}
}

func askReady(ctx context.Context, client *http.Client, address string) (ready bool, why string, ok bool) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return false, "", false
	}
	answer, err := client.Do(request)
	if err != nil {
		return false, "", false
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, longestWhy))
	if err != nil {
		return false, "", false
	}
	switch answer.StatusCode {
	case http.StatusOK:
		return true, "", true
	case http.StatusServiceUnavailable:
		return false, "its node is not ready: " + reason(text), true
	}
	return false, "", false
}

// reason is the message in an answer of the admin API, or its text.
func reason(text []byte) string {
	var body struct {
		Error struct{ Message string }
	}
	if json.Unmarshal(text, &body) == nil && body.Error.Message != "" {
		return body.Error.Message
	}
	return strings.ToValidUTF8(strings.TrimSpace(string(text)), "")
}

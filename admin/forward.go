package admin

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"geomq/geo"
)

// forwardHeader marks a request that a node has passed on; it goes no further.
const forwardHeader = "Geomq-Forwarded"

// passOn answers r with what a node of region says. It tries one after the other
// until one takes the request; body is r's, which has been read.
func (s *Server) passOn(w http.ResponseWriter, r *http.Request, region geo.Region, body []byte) {
	if r.Header.Get(forwardHeader) != "" {
		fail(w, fmt.Errorf("%w: this request is for %s and was passed on to a node of %s, which passes on nothing; try again",
			ErrElsewhere, region, s.region()))
		return
	}
	var reasons []string
	for _, n := range s.nodesOf(region) {
		response, err := s.relay(r, n, body)
		if err != nil {
			reasons = append(reasons, err.Error())
			continue
		}
		defer response.Body.Close()
		copyAnswer(w, response)
		return
	}
	if len(reasons) == 0 {
		reasons = append(reasons, "no other one is known")
	}
	fail(w, fmt.Errorf("%w: no node of %s does it: %s; see geomq region ls", ErrNotReady, region, strings.Join(reasons, "; ")))
}

// nodesOf lists the other nodes of region, first those that gossip sees alive.
func (s *Server) nodesOf(region geo.Region) []Node {
	var alive, silent []Node
	for _, n := range s.cfg.Backend.Peers() {
		switch {
		case n.Self || n.Region != region || n.Admin == "":
		case n.Answering:
			alive = append(alive, n)
		default:
			silent = append(silent, n)
		}
	}
	return append(alive, silent...)
}

// relay sends r to n. The error says that n did not take it up, so that another
// node may be tried.
func (s *Server) relay(r *http.Request, n Node, body []byte) (*http.Response, error) {
	client, err := newClient(n.Admin, s.peers)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(r.Context(), r.Method, client.base+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBadRequest, err)
	}
	for _, name := range []string{"Content-Type", orderHeader} {
		if value := r.Header.Get(name); value != "" {
			request.Header.Set(name, value)
		}
	}
	request.Header.Set(forwardHeader, "1")
	response, err := s.peers.Do(request)
	if err != nil {
		return nil, &UnreachableError{URL: client.base, Err: unwrapURL(err)}
	}
	if response.StatusCode == http.StatusMisdirectedRequest {
		defer response.Body.Close()
		return nil, client.refused(response)
	}
	return response, nil
}

// copyAnswer hands on what another node answers, each piece as it comes.
func copyAnswer(w http.ResponseWriter, response *http.Response) {
	w.Header().Set("Content-Type", response.Header.Get("Content-Type"))
	w.WriteHeader(response.StatusCode)
	out := http.NewResponseController(w)
	piece := make([]byte, 32<<10)
	for {
		n, err := response.Body.Read(piece)
		out.SetWriteDeadline(time.Now().Add(2 * writeTimeout))
		if _, failed := w.Write(piece[:n]); failed != nil || out.Flush() != nil {
			return // whoever asked has gone
		}
		if err == io.EOF {
			return
		}
		if err != nil { // an answer that is cut off must not look like a whole one
			panic(http.ErrAbortHandler)
		}
	}
}

// region is this node's own, by gossip where that knows it, since Local asks the
// broker.
func (s *Server) region() geo.Region {
	for _, n := range s.cfg.Backend.Peers() {
		if n.Self {
			return n.Region
		}
	}
	return s.cfg.Backend.Local().Region
}

// pause waits for d; it returns false when ctx ends first.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

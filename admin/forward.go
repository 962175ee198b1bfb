package admin

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
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
	taken := false // by a node that did not answer then
	for _, n := range s.nodesOf(region) {
		response, err := s.relay(r, n, body)
		if err != nil {
			reasons = append(reasons, err.Error())
			taken = taken || !untaken(err)
			continue
		}
		defer response.Body.Close()
		copyAnswer(w, response)
		return
	}
	fail(w, s.nobody(r.Method, region, reasons, taken))
}

// nobody says that no node of region answered r. An order that reached none is
// refused; one that did may have been carried out in part.
func (s *Server) nobody(method string, region geo.Region, reasons []string, taken bool) error {
	if known := s.regions(); len(known) > 0 && !slices.Contains(known, string(region)) {
		return fmt.Errorf("%w: there is no region %s in this deployment; its regions are %s", ErrBadRequest, region, strings.Join(known, ", "))
	}
	why := strings.Join(reasons, "; ")
	if why == "" {
		why = "none is known now, as if all were stopped or cut off"
	}
	switch {
	case method != http.MethodPost:
		return fmt.Errorf("%w: no node of %s answers: %s; see geomq region ls", ErrNotReady, region, why)
	case taken:
		return fmt.Errorf("%w: no node of %s told what became of the order, which may be done in part: %s; give it again when one answers (geomq region ls)", ErrNotReady, region, why)
	}
	return fmt.Errorf("%w: no node of %s takes the order: %s. Nothing was done; give it again when one answers (geomq region ls)", ErrRefused, region, why)
}

// untaken tells whether a node did not take up what was sent to it.
func untaken(err error) bool {
	var dialled *net.OpError
	return errors.Is(err, ErrElsewhere) || errors.As(err, &dialled) && dialled.Op == "dial"
}

// regions are the names of those that this node knows, configured or seen.
func (s *Server) regions() (names []string) {
	for _, r := range s.cfg.Backend.Local().Regions {
		names = append(names, string(r.Name))
	}
	for _, n := range s.cfg.Backend.Peers() {
		names = append(names, string(n.Region))
	}
	slices.Sort(names)
	return slices.Compact(names)
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

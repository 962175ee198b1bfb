package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// maxOrder is how long an order may be: 100,000 separate offsets and more.
const maxOrder = 4 << 20

// pathOf is where orders with this verb are sent.
func pathOf(verb string) string { return orderPath + strings.ReplaceAll(verb, " ", "/") }

// serveOrder carries an order out with do, or passes it on to the region that can.
// The answer is one line of JSON for each piece of news and a last one with the
// outcome or the error.
func serveOrder[O Order](s *Server, do func(Operator, context.Context, O, Report) (Outcome, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		order, body, err := readOrder[O](w, r)
		if err != nil {
			fail(w, err)
			return
		}
		region, err := order.In()
		if err != nil {
			fail(w, err)
			return
		}
		if region != s.region() {
			s.passOn(w, r, region, body)
			return
		}
		operator, ok := s.cfg.Backend.(Operator)
		if !ok {
			fail(w, fmt.Errorf("%w: this node takes no orders", ErrNotReady))
			return
		}
		out := newOrderStream(w, order)
		outcome, err := s.carryOut(r.Context(), out, func(ctx context.Context, report Report) (Outcome, error) {
			return do(operator, ctx, order, report)
		})
		if errors.Is(err, ErrElsewhere) && !out.begun() && r.Header.Get(forwardHeader) == "" {
			s.passOn(w, r, region, body)
			return
		}
		out.end(s.identity(outcome), err)
	}
}

// readOrder reads the body of r, strictly: an order of which a part is not
// understood must not be carried out.
func readOrder[O Order](w http.ResponseWriter, r *http.Request) (order O, body []byte, err error) {
	body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, maxOrder))
	if err != nil {
		return order, nil, fmt.Errorf("%w: the order can't be read: %w", ErrBadRequest, err)
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&order); err != nil {
		return order, nil, fmt.Errorf("%w: this is no order to %s: %w", ErrBadRequest, order.Verb(), err)
	}
	return order, body, nil
}

// identity fills in who carried the order out.
func (s *Server) identity(o Outcome) Outcome {
	o.Region = s.region()
	for _, n := range s.cfg.Backend.Peers() {
		if n.Self {
			o.Node = n.Name
		}
	}
	return o
}

// carryOut runs the order and writes its news meanwhile, and a sign of life where
// there are none. Orders may take long; they end with ctx, which is that of the
// person who waits.
func (s *Server) carryOut(ctx context.Context, out *orderStream, do func(context.Context, Report) (Outcome, error)) (Outcome, error) {
	done := make(chan struct{})
	var outcome Outcome
	var err error
	go func() {
		defer close(done)
		outcome, err = do(ctx, out.report)
	}()
	for {
		select {
		case <-done:
			return outcome, err
		case <-out.due():
			out.write()
		}
	}
}

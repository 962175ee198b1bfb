package admin

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// maxOrderLine is the longest line of an order's answer that is read.
const maxOrderLine = 16 << 20

// Do sends an order and gives its news to progress, which may be nil. It is nil
// only where the node told the outcome; what was cut off wraps ErrNoAnswer, and may
// have been carried out in part: sending the order again finishes it. Other errors
// wrap ErrBadRequest, ErrRefused, ErrForbidden, ErrNotFound or ErrNotReady. A ctx
// that ends breaks the order off.
func (c *Client) Do(ctx context.Context, order Order, progress Report) (Outcome, error) {
	if _, err := order.In(); err != nil {
		return Outcome{}, err
	}
	body, err := json.Marshal(order)
	if err != nil {
		return Outcome{}, fmt.Errorf("%w: %w", ErrBadRequest, err)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	quiet := time.AfterFunc(c.silence, func() { cancel(errSilent) })
	defer quiet.Stop()
	response, err := c.post(ctx, pathOf(order.Verb()), body)
	if err != nil {
		return Outcome{}, err
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(make([]byte, 0, 4<<10), maxOrderLine)
	for lines.Scan() {
		quiet.Reset(c.silence)
		outcome, err := c.orderLine(lines.Bytes(), progress)
		if err != nil {
			return Outcome{}, err
		}
		if outcome != nil {
			return *outcome, nil
		}
	}
	return Outcome{}, c.brokenOff(ctx, lines.Err())
}

// post sends an order; the response has status 200 and an open body.
func (c *Client) post(ctx context.Context, path string, body []byte) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBadRequest, err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set(orderHeader, "1")
	return c.send(request)
}

// orderLine takes one line: news, the outcome, an error, or a sign of life.
func (c *Client) orderLine(text []byte, progress Report) (*Outcome, error) {
	var line orderLine
	if err := json.Unmarshal(text, &line); err != nil {
		return nil, &ForeignError{URL: c.base, Reason: fmt.Sprintf("%.80q is no news of an order: %v", text, err)}
	}
	if line.Error != nil {
		return nil, &Error{URL: c.base, Code: line.Error.Code, Message: line.Error.Message}
	}
	if line.Step != nil && progress != nil {
		progress(*line.Step)
	}
	return line.Outcome, nil
}

// brokenOff says that the lines ended without an outcome.
func (c *Client) brokenOff(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	case errors.Is(err, bufio.ErrTooLong):
		return &ForeignError{URL: c.base, Reason: fmt.Sprintf("a line of its answer is longer than %d bytes", maxOrderLine)}
	case err == nil:
		err = io.ErrUnexpectedEOF
	}
	return &UnreachableError{URL: c.base, Err: err}
}

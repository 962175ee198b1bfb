package admin

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"time"

	"geomq/mirror/verify"
)

// maxLine is the longest line of digests that is read.
const maxLine = 64 << 10

var errSilent = errors.New("it fell silent")

// Digests gives the stretches of q to yield, in order. It is nil only where the
// node said that it told everything; a stream that was cut off wraps ErrNoAnswer,
// and yield's own error is returned as it is.
func (c *Client) Digests(ctx context.Context, q DigestQuery, yield func(verify.Stretch) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	quiet := time.AfterFunc(c.silence, func() { cancel(errSilent) })
	defer quiet.Stop()
	response, err := c.open(ctx, digestPath(q))
	if err != nil {
		return err
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(make([]byte, 0, 4<<10), maxLine)
	for lines.Scan() {
		quiet.Stop() // the time that yield takes is not the node's
		done, err := c.digestLine(lines.Bytes(), yield)
		if done || err != nil {
			return err
		}
		quiet.Reset(c.silence)
	}
	if ctx.Err() != nil {
		return &UnreachableError{URL: c.base, Err: context.Cause(ctx)}
	}
	return c.cutOff(lines.Err())
}

func digestPath(q DigestQuery) string {
	values := url.Values{"stream": {q.Stream}, "step": {strconv.FormatUint(q.Step, 10)}}
	values.Set("first", strconv.FormatUint(uint64(q.Range.First), 10))
	values.Set("last", strconv.FormatUint(uint64(q.Range.Last), 10))
	return apiPath + "digests?" + values.Encode()
}

// digestLine takes one line: a stretch, the end, or an error.
func (c *Client) digestLine(line []byte, yield func(verify.Stretch) error) (done bool, err error) {
	var end struct {
		doneLine
		errorBody
	}
	if bytes.Contains(line, []byte(`"done"`)) || bytes.Contains(line, []byte(`"error"`)) {
		if err := json.Unmarshal(line, &end); err != nil {
			return false, &ForeignError{URL: c.base, Reason: err.Error()}
		}
	}
	switch {
	case end.Error != nil:
		return false, &Error{URL: c.base, Code: end.Error.Code, Message: end.Error.Message}
	case end.Done:
		return true, nil
	}
	var s verify.Stretch
	if err := json.Unmarshal(line, &s); err != nil {
		return false, &ForeignError{URL: c.base, Reason: fmt.Sprintf("%.80q is no stretch: %v", line, err)}
	}
	return false, yield(s)
}

// cutOff says that the lines ended without a last one.
func (c *Client) cutOff(err error) error {
	switch {
	case errors.Is(err, bufio.ErrTooLong):
		return &ForeignError{URL: c.base, Reason: fmt.Sprintf("a line of digests is longer than %d bytes", maxLine)}
	case err == nil:
		err = io.ErrUnexpectedEOF
	}
	return &UnreachableError{URL: c.base, Err: err}
}

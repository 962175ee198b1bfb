package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"geomq/geo"
)

const (
	// askTimeout bounds every question but that for digests; orders have no bound.
	askTimeout = 15 * time.Second
	// maxBody is the longest answer that is read, base64 of the largest entry
	// that NATS allows (64 MiB) included.
	maxBody = 96 << 20
	silence = 30 * time.Second
	// maxError is how much of an error's answer is read.
	maxError = 64 << 10
)

// Client reads the admin API of one node. It may be used from many goroutines.
type Client struct {
	base string
	http *http.Client
	// silence is how long a node may be silent between two lines of an answer.
	silence time.Duration
}

// NewClient returns a Client for the node at base, e.g. "http://127.0.0.1:8300"
// or "127.0.0.1:8300". It asks nothing yet. The error wraps ErrBadRequest.
func NewClient(base string) (*Client, error) { return newClient(base, newHTTPClient()) }

func newClient(base string, with *http.Client) (*Client, error) {
	if !strings.Contains(base, "://") {
		base = "http://" + base
	}
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("%w: %q is no address of an admin API; one looks like http://127.0.0.1:8300", ErrBadRequest, base)
	}
	return &Client{base: u.Scheme + "://" + u.Host, http: with, silence: silence}, nil
}

// newHTTPClient is a client that goes straight to the node: no proxy, no
// redirects.
func newHTTPClient() *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			DialContext:           (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
			ResponseHeaderTimeout: writeTimeout, MaxResponseHeaderBytes: maxRequest,
			IdleConnTimeout: idleTimeout, MaxIdleConnsPerHost: 2,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// URL is the base address of the node.
func (c *Client) URL() string { return c.base }

// Close drops connections that are not in use.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Status asks for the node's own view or for that of all nodes. Errors wrap
// ErrNoAnswer or ErrForeign.
func (c *Client) Status(ctx context.Context, scope Scope) (Status, error) {
	var s Status
	if err := c.read(ctx, apiPath+"status?scope="+url.QueryEscape(string(scope)), &s); err != nil {
		return Status{}, err
	}
	if s.API != APIVersion {
		return Status{}, &ForeignError{URL: c.base, Reason: fmt.Sprintf("it speaks API %q, this program speaks %s", s.API, APIVersion)}
	}
	return s, nil
}

// Entry reads one entry as this region holds it; ErrNotFound is in the error
// where there is none.
func (c *Client) Entry(ctx context.Context, stream string, offset geo.Offset) (EntryView, error) {
	var v EntryView
	err := c.read(ctx, fmt.Sprintf("%sentries/%s/%d", apiPath, url.PathEscape(stream), offset), &v)
	return v, err
}

// Ready is nil where the node can work, and wraps ErrNotReady with the node's
// reason where it can't.
func (c *Client) Ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	response, err := c.open(ctx, "/readyz")
	if err != nil {
		return err
	}
	return response.Body.Close()
}

// read fetches path and decodes it into value.
func (c *Client) read(ctx context.Context, path string, value any) error {
	return c.readWithin(ctx, askTimeout, path, value)
}

func (c *Client) readWithin(ctx context.Context, timeout time.Duration, path string, value any) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	response, err := c.open(ctx, path)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxBody+1))
	switch {
	case err != nil:
		return &UnreachableError{URL: c.base, Err: err}
	case len(body) > maxBody:
		return &ForeignError{URL: c.base, Reason: fmt.Sprintf("its answer is longer than %d bytes", maxBody)}
	}
	if err := json.Unmarshal(body, value); err != nil {
		return &ForeignError{URL: c.base, Reason: err.Error()}
	}
	return nil
}

// open sends the request; the response has status 200 and an open body.
func (c *Client) open(ctx context.Context, path string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+path, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBadRequest, err)
	}
	return c.send(request)
}

// send is open for any request.
func (c *Client) send(request *http.Request) (*http.Response, error) {
	response, err := c.http.Do(request)
	if err != nil {
		return nil, &UnreachableError{URL: c.base, Err: unwrapURL(err)}
	}
	if response.StatusCode == http.StatusOK {
		return response, nil
	}
	defer response.Body.Close()
	return nil, c.refused(response)
}

// refused makes an error of an answer that is none.
func (c *Client) refused(response *http.Response) error {
	text, err := io.ReadAll(io.LimitReader(response.Body, maxError))
	if err != nil {
		return &UnreachableError{URL: c.base, Err: err}
	}
	var body errorBody
	if json.Unmarshal(text, &body) != nil || body.Error == nil {
		return &ForeignError{URL: c.base, Reason: "it answers " + response.Status}
	}
	return &Error{URL: c.base, Status: response.StatusCode, Code: body.Error.Code, Message: body.Error.Message}
}

// unwrapURL takes off the *url.Error, which would tell the address twice.
func unwrapURL(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}

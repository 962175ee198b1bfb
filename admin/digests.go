package admin

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"geomq/geo"
	"geomq/mirror/verify"
)

// doneLine ends a stream of digests that is complete.
type doneLine struct {
	Done bool `json:"done"`
}

// renewEvery is after how many lines the time to write is counted anew.
const renewEvery = 64

// serveDigests answers with one Stretch a line. What goes wrong behind the first
// line can't change the status code any more, so it becomes the last line.
func (s *Server) serveDigests(w http.ResponseWriter, r *http.Request) {
	query, err := s.digestQuery(r.URL.Query())
	if err != nil {
		fail(w, err)
		return
	}
	out := digestStream{w: w, lines: json.NewEncoder(w)}
	if query.Range.Len() > 0 {
		err = s.cfg.Backend.Digests(r.Context(), query, out.write)
	}
	out.end(err)
}

// digestQuery reads the parameters; where first or last is left out the local
// log's own counts.
func (s *Server) digestQuery(values url.Values) (DigestQuery, error) {
	q := DigestQuery{Stream: values.Get("stream"), Step: geo.BlockSize}
	if q.Stream == "" {
		return q, fmt.Errorf("%w: name the stream, e.g. ?stream=ORDERS@us-east", ErrBadRequest)
	}
	switch step := values.Get("step"); step {
	case "", "1024":
	case "1":
		q.Step = 1
	default:
		return q, fmt.Errorf("%w: step is 1024 or 1, not %q", ErrBadRequest, step)
	}
	if !values.Has("first") || !values.Has("last") {
		log, err := s.localLog(q.Stream)
		if err != nil {
			return q, err
		}
		q.Range = geo.Range{First: max(log.First, 1), Last: log.Last}
	}
	if err := offsetParam(values, "first", &q.Range.First); err != nil {
		return q, err
	}
	if err := offsetParam(values, "last", &q.Range.Last); err != nil {
		return q, err
	}
	if explicit := values.Has("first") && values.Has("last"); explicit && q.Range.Len() == 0 {
		return q, fmt.Errorf("%w: last (%d) is before first (%d)", ErrBadRequest, q.Range.Last, q.Range.First)
	}
	return q, nil
}

func (s *Server) localLog(stream string) (Log, error) {
	local := s.cfg.Backend.Local()
	for _, l := range local.Logs {
		if l.Stream == stream {
			return l, nil
		}
	}
	return Log{}, fmt.Errorf("%w: %s holds no stream %q", ErrNotFound, local.Region, stream)
}

func offsetParam(values url.Values, name string, to *geo.Offset) error {
	if !values.Has(name) {
		return nil
	}
	n, err := strconv.ParseUint(values.Get(name), 10, 63)
	if err != nil || n == 0 {
		return fmt.Errorf("%w: %s=%q is no offset; the first entry has offset 1", ErrBadRequest, name, values.Get(name))
	}
	*to = geo.Offset(n)
	return nil
}

// digestStream writes the lines of one answer.
type digestStream struct {
	w       http.ResponseWriter
	lines   *json.Encoder
	written int
}

func (d *digestStream) write(s verify.Stretch) error {
	if d.written == 0 {
		d.w.Header().Set("Content-Type", "application/x-ndjson")
	}
	if d.written%renewEvery == 0 {
		// The answer may take long as a whole; only a reader that takes nothing
		// for that long is given up.
		http.NewResponseController(d.w).SetWriteDeadline(time.Now().Add(2 * writeTimeout))
	}
	d.written++
	return d.lines.Encode(s)
}

func (d *digestStream) end(err error) {
	switch {
	case err != nil && d.written == 0:
		fail(d.w, err)
	case err != nil:
		_, code := classify(err)
		d.lines.Encode(errorBody{&errorText{Code: code, Message: err.Error()}})
	default:
		d.w.Header().Set("Content-Type", "application/x-ndjson")
		d.lines.Encode(doneLine{Done: true})
	}
}

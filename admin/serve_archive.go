package admin

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"geomq/geo"
)

const (
	pageSize = 100
	// maxWait is how long a question for events may wait, within writeTimeout;
	// lookEvery how often it looks meanwhile.
	maxWait   = 20 * time.Second
	lookEvery = 200 * time.Millisecond
)

// archive is what the Backend keeps of ledger and events, or an error.
func (s *Server) archive() (Archive, error) {
	if a, ok := s.cfg.Backend.(Archive); ok {
		return a, nil
	}
	return nil, fmt.Errorf("%w: this node keeps no ledger and reads no control logs", ErrNotReady)
}

// elsewhere answers r if it names another region than this one.
func (s *Server) elsewhere(w http.ResponseWriter, r *http.Request) bool {
	region := geo.Region(r.URL.Query().Get("region"))
	if region == "" || region == s.region() {
		return false
	}
	s.passOn(w, r, region, nil)
	return true
}

func (s *Server) serveLedger(w http.ResponseWriter, r *http.Request) {
	if s.elsewhere(w, r) {
		return
	}
	query, err := ledgerQuery(r.URL.Query())
	if err != nil {
		fail(w, err)
		return
	}
	archive, err := s.archive()
	if err != nil {
		fail(w, err)
		return
	}
	page, err := archive.LedgerEntries(r.Context(), query)
	if err != nil {
		fail(w, err)
		return
	}
	page.Records = append([]LedgerRecord{}, page.Records...)
	writeJSON(w, http.StatusOK, page)
}

func ledgerQuery(values url.Values) (LedgerQuery, error) {
	q := LedgerQuery{Stream: values.Get("stream"), After: values.Get("after"), Limit: pageSize}
	switch open := values.Get("open"); open {
	case "", "0", "false":
	case "1", "true":
		q.Open = true
	default:
		return q, fmt.Errorf("%w: open is true or false, not %q", ErrBadRequest, open)
	}
	return q, limitParam(values, &q.Limit)
}

func limitParam(values url.Values, to *int) error {
	if !values.Has("limit") {
		return nil
	}
	n, err := strconv.Atoi(values.Get("limit"))
	if err != nil || n < 1 || n > maxPage {
		return fmt.Errorf("%w: limit is a number from 1 to %d, not %q", ErrBadRequest, maxPage, values.Get("limit"))
	}
	*to = n
	return nil
}

func (s *Server) serveLedgerEntry(w http.ResponseWriter, r *http.Request) {
	if s.elsewhere(w, r) {
		return
	}
	id := r.URL.Query().Get("id")
	archive, err := s.archive()
	if err == nil && id == "" {
		err = fmt.Errorf("%w: name the record, e.g. ?id=ORDERS@us-east/1/42", ErrBadRequest)
	}
	var entry LedgerEntry
	if err == nil {
		entry, err = archive.LedgerEntry(r.Context(), id)
	}
	if err != nil {
		fail(w, err)
		return
	}
	writeJSON(w, http.StatusOK, entry)
}

// serveEvents answers with the events behind the cursor that pass the filters. A
// question may wait for the first one.
func (s *Server) serveEvents(w http.ResponseWriter, r *http.Request) {
	query, err := eventQuery(r.URL.Query())
	if err != nil {
		fail(w, err)
		return
	}
	archive, err := s.archive()
	if err != nil {
		fail(w, err)
		return
	}
	late := time.Now().Add(query.Wait)
	for {
		page, err := archive.Events(r.Context(), query.After, query.Limit)
		if err != nil {
			fail(w, err)
			return
		}
		query.After = page.Next
		page.Events = slices.DeleteFunc(slices.Clone(page.Events), func(e Event) bool { return !query.wants(e) })
		if done := len(page.Events) > 0 || !page.More && !time.Now().Before(late); done {
			page.Events = append([]Event{}, page.Events...)
			writeJSON(w, http.StatusOK, page)
			return
		}
		if !page.More && !pause(r.Context(), lookEvery) {
			fail(w, fmt.Errorf("%w: the node is stopping", ErrNotReady)) // or whoever asked has gone
			return
		}
	}
}

func eventQuery(values url.Values) (EventQuery, error) {
	q := EventQuery{Kinds: values["kind"], Log: values.Get("log"), Region: geo.Region(values.Get("from")), Limit: pageSize}
	var err error
	if q.After, err = ParseEventCursor(values.Get("after")); err != nil {
		return q, err
	}
	if values.Has("wait") {
		q.Wait, err = time.ParseDuration(values.Get("wait"))
		if err != nil || q.Wait < 0 || q.Wait > maxWait {
			return q, fmt.Errorf("%w: wait is a duration of at most %v, not %q", ErrBadRequest, maxWait, values.Get("wait"))
		}
	}
	return q, limitParam(values, &q.Limit)
}

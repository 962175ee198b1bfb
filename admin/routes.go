package admin

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"geomq/geo"
)

const apiPath = "/api/" + APIVersion + "/"

func (s *Server) routes(metrics http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok\n") })
	mux.HandleFunc("/readyz", s.serveReady)
	mux.Handle("/metrics", metrics)
	mux.HandleFunc(apiPath+"status", s.serve(func(st Status) any { return st }))
	mux.HandleFunc(apiPath+"regions", s.serve(func(st Status) any {
		return struct {
			Regions  []Region `json:"regions"`
			Problems []string `json:"problems,omitempty"`
		}{st.Regions, st.Problems}
	}))
	mux.HandleFunc(apiPath+"logs", s.serve(func(st Status) any {
		return struct {
			Logs     []Log    `json:"logs"`
			Problems []string `json:"problems,omitempty"`
		}{st.Logs, st.Problems}
	}))
	mux.HandleFunc(apiPath+"links", s.serve(func(st Status) any {
		return struct {
			Links    []Link   `json:"links"`
			Problems []string `json:"problems,omitempty"`
		}{st.Links, st.Problems}
	}))
	mux.HandleFunc(apiPath+"digests", s.serveDigests)
	mux.HandleFunc(apiPath+"entries/{stream}/{offset}", s.serveEntry)
	mux.HandleFunc(apiPath+"ledger", s.serveLedger)
	mux.HandleFunc(apiPath+"ledger/entry", s.serveLedgerEntry)
	mux.HandleFunc(apiPath+"events", s.serveEvents)
	mux.HandleFunc(orderPath+"log/purge", serveOrder(s, Operator.Purge))
	mux.HandleFunc(orderPath+"log/delete", serveOrder(s, Operator.Delete))
	mux.HandleFunc(orderPath+"log/repair", serveOrder(s, Operator.Repair))
	mux.HandleFunc(orderPath+"link/accept-gap", serveOrder(s, Operator.AcceptGap))
	mux.HandleFunc(orderPath+"ledger/republish", serveOrder(s, Operator.Republish))
	mux.HandleFunc("/", serveUnknown)
	return mux
}

func (s *Server) serveReady(w http.ResponseWriter, _ *http.Request) {
	if err := s.cfg.Backend.Ready(); err != nil {
		refuse(w, http.StatusServiceUnavailable, codeNotReady, err.Error())
		return
	}
	io.WriteString(w, "ready\n")
}

// serve answers with a part of the Status.
func (s *Server) serve(part func(Status) any) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		switch scope := Scope(r.URL.Query().Get("scope")); scope {
		case ScopeLocal, "":
			writeJSON(w, http.StatusOK, part(s.local()))
		case ScopeAll:
			writeJSON(w, http.StatusOK, part(s.all(r.Context())))
		default:
			fail(w, fmt.Errorf("%w: scope is local or all, not %q", ErrBadRequest, scope))
		}
	}
}

// local is this node's own Status, complete.
func (s *Server) local() Status {
	st := s.cfg.Backend.Local()
	st.API, st.Scope = APIVersion, ScopeLocal
	if st.At.IsZero() {
		st.At = time.Now()
	}
	st.Regions = append([]Region{}, st.Regions...)
	for i := range st.Regions {
		st.Regions[i].Nodes = append([]Node{}, st.Regions[i].Nodes...)
	}
	st.Logs, st.Links = dedupeLogs(st.Logs), dedupeLinks(st.Links)
	st.Verdict = Judge(st)
	return st
}

func (s *Server) serveEntry(w http.ResponseWriter, r *http.Request) {
	offset, err := strconv.ParseUint(r.PathValue("offset"), 10, 64)
	if err != nil || offset == 0 {
		fail(w, fmt.Errorf("%w: %q is no offset; the first entry has offset 1", ErrBadRequest, r.PathValue("offset")))
		return
	}
	view, err := s.cfg.Backend.Entry(r.Context(), r.PathValue("stream"), geo.Offset(offset))
	if err != nil {
		fail(w, err)
		return
	}
	writeJSON(w, http.StatusOK, view)
}

// serveUnknown answers what no other route does.
func serveUnknown(w http.ResponseWriter, r *http.Request) {
	rest, isAPI := strings.CutPrefix(r.URL.Path, "/api/")
	version, _, _ := strings.Cut(rest, "/")
	if isAPI && version != APIVersion {
		refuse(w, http.StatusNotFound, codeVersion, fmt.Sprintf(
			"this node speaks API %s, not %q: use a geomq command line of the node's version", APIVersion, version))
		return
	}
	refuse(w, http.StatusNotFound, codeNotFound, fmt.Sprintf("there is nothing at %s; the API begins at %sstatus", r.URL.Path, apiPath))
}

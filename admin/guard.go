package admin

import (
	"fmt"
	"mime"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

const (
	// orderPath is below which everything changes something, and nothing else does.
	orderPath = apiPath + "do/"
	// orderHeader goes with every order. A page in a browser can't set it on a
	// request to another site without asking that first, which nobody answers.
	orderHeader = "Geomq-Verb"
)

// guard lets only requests pass that are meant for this host: reading ones, and
// orders that no web page can have sent. A page in a browser can have its own name
// resolve to our address and read the answers; but then the request carries that
// name.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		ordering := strings.HasPrefix(r.URL.Path, orderPath)
		switch {
		case !meantForUs(r.Host, s.cfg.Names):
			refuse(w, http.StatusMisdirectedRequest, codeHost, fmt.Sprintf(
				"this node is not called %q; use its IP address, or add the name to the node's configuration", r.Host))
		case ordering && r.Method != http.MethodPost:
			w.Header().Set("Allow", "POST")
			refuse(w, http.StatusMethodNotAllowed, codeMethod, "an order is sent with POST")
		case !ordering && r.Method != http.MethodGet && r.Method != http.MethodHead:
			w.Header().Set("Allow", "GET, HEAD")
			refuse(w, http.StatusMethodNotAllowed, codeMethod, "this part of the API only reads: use GET or HEAD")
		default:
			if reason := s.forbids(r); ordering && reason != "" {
				refuse(w, http.StatusForbidden, codeForbidden, reason)
				return
			}
			next.ServeHTTP(w, r)
		}
	})
}

// forbids says why an order that came as r is not taken, "" where it is.
func (s *Server) forbids(r *http.Request) string {
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case r.Header.Get(orderHeader) == "" || kind != "application/json":
		return "an order carries the headers Geomq-Verb: 1 and Content-Type: application/json, so that no web page can send it"
	case !sameSite(r):
		return "this order comes from the web page of another site"
	case !s.cfg.Insecure && !onLoopback(s.listener.Addr()):
		return fmt.Sprintf("this node listens at %s, beyond loopback, and nobody has to log in yet: it takes orders there only with insecure: true in its configuration", s.Addr())
	}
	return ""
}

// sameSite tells whether r came from no web page or from one of this host's own.
func sameSite(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && u.Host == r.Host
}

func onLoopback(address net.Addr) bool {
	tcp, ok := address.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

// meantForUs tells whether the Host of a request is an IP address, localhost or
// one of names.
func meantForUs(hostport string, names []string) bool {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if bare, _, zoned := strings.Cut(host, "%"); zoned {
		host = bare
	}
	if net.ParseIP(host) != nil || strings.EqualFold(host, "localhost") {
		return true
	}
	return slices.ContainsFunc(names, func(name string) bool { return strings.EqualFold(name, host) })
}

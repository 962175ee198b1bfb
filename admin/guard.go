package admin

import (
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
)

// guard lets only reading requests pass that are meant for this host. A page in
// a browser can have its own name resolve to our address and read the answers;
// but then the request carries that name.
func guard(names []string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		switch {
		case !meantForUs(r.Host, names):
			refuse(w, http.StatusMisdirectedRequest, codeHost, fmt.Sprintf(
				"this node is not called %q; use its IP address, or add the name to the node's configuration", r.Host))
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			w.Header().Set("Allow", "GET, HEAD")
			refuse(w, http.StatusMethodNotAllowed, codeMethod, "this API only reads: use GET or HEAD")
		default:
			next.ServeHTTP(w, r)
		}
	})
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

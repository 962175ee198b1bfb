package configs

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// address is a host:port taken apart. Host names are in lower case.
type address struct {
	host string
	ip   netip.Addr // zero for a host name
	port int        // 0 to 65535
}

// parseAddress judges the form of text only; nothing is looked up.
func parseAddress(text string) (address, error) {
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		var bad *net.AddrError
		reason := "it is malformed"
		if errors.As(err, &bad) {
			reason = bad.Err
		}
		return address{}, fmt.Errorf("%s is no host:port (%s); write e.g. 127.0.0.1:4222 or [::1]:4222", quote(text), reason)
	}
	a := address{host: strings.ToLower(host)}
	if a.port, err = parsePort(port); err != nil {
		return address{}, fmt.Errorf("%s: %w", quote(text), err)
	}
	if host == "" {
		return address{}, fmt.Errorf("%s has no host; write 0.0.0.0 for all addresses of the machine", quote(text))
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		a.ip = ip.Unmap()
		return a, nil
	}
	if reason := badHostName(a.host); reason != "" {
		return address{}, fmt.Errorf("%s: host %s %s", quote(text), quote(host), reason)
	}
	return a, nil
}

func parsePort(text string) (int, error) {
	port, err := strconv.ParseUint(text, 10, 64)
	switch {
	case text == "":
		return 0, errors.New("the port is missing")
	case errors.Is(err, strconv.ErrRange) || err == nil && port > 65535:
		return 0, fmt.Errorf("port %s is out of range, the last one is 65535", clip(text))
	case err != nil:
		return 0, fmt.Errorf("port %s is no number", quote(text))
	}
	return int(port), nil
}

// badHostName says what keeps host from being a DNS name, "" if nothing does. The
// underscore is let through, since container networks use it.
func badHostName(host string) string {
	if len(host) > 253 {
		return "is longer than 253 characters"
	}
	labels := strings.Split(strings.TrimSuffix(host, "."), ".")
	for _, label := range labels {
		switch {
		case label == "":
			return "has an empty label"
		case len(label) > 63:
			return "has a label of more than 63 characters"
		case label[0] == '-' || label[len(label)-1] == '-':
			return "has a label that begins or ends with a hyphen"
		case strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "":
			return "is neither an IP address nor a host name"
		}
	}
	if strings.Trim(labels[len(labels)-1], "0123456789") == "" {
		return "is no IP address"
	}
	return ""
}

// loopback tells whether only this machine reaches a. Of the host names just
// localhost counts.
func (a address) loopback() bool { return a.host == localhost || a.ip.IsLoopback() }

// unspecified tells whether a stands for all addresses of the machine.
func (a address) unspecified() bool { return a.ip.IsValid() && a.ip.IsUnspecified() }

// conflicts tells whether a and b can't both be listened on.
func (a address) conflicts(b address) bool {
	switch {
	case a.port != b.port || a.port == 0:
		return false
	case a.unspecified() || b.unspecified():
		return true
	case a.host == localhost && b.ip.IsValid():
		return meansLocalhost[b.ip]
	case b.host == localhost && a.ip.IsValid():
		return meansLocalhost[a.ip]
	case a.ip.IsValid() && b.ip.IsValid():
		return a.ip == b.ip
	}
	return a.host == b.host
}

const localhost = "localhost"

// meansLocalhost holds what the name localhost stands for.
var meansLocalhost = map[netip.Addr]bool{netip.MustParseAddr("127.0.0.1"): true, netip.IPv6Loopback(): true}

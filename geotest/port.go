package geotest

import (
	"fmt"
	"math/rand/v2"
	"net"
	"testing"
)

// Free ports are sought below those that systems give to outgoing connections:
// while a region is down, a client that dials its port could otherwise get that
// very port as its own, connect to itself, and keep the region from coming back.
const (
	firstPort = 12_000
	lastPort  = 32_000
)

// FreePort returns an address on loopback, host and port, that was free a moment
// ago.
func FreePort(t testing.TB) string {
	t.Helper()
	for range 100 {
		address := fmt.Sprintf("127.0.0.1:%d", firstPort+rand.IntN(lastPort-firstPort))
		l, err := net.Listen("tcp", address)
		if err != nil {
			continue // taken; another one
		}
		l.Close()
		return address
	}
	t.Fatalf("no free port found between %d and %d", firstPort, lastPort)
	return ""
}

//go:build !unix

package gateway

import (
	"io"
	"net"
	"sync/atomic"
)

// relay passes bytes on until src ends (nil), fails, or dst does (*targetError).
func relay(dst io.Writer, src *net.TCPConn, count *atomic.Int64) error {
	return relayStream(dst, src, count)
}

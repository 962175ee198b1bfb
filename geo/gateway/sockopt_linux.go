package gateway

import (
	"net"
	"syscall"
	"time"
)

// tcpUserTimeout is TCP_USER_TIMEOUT, which package syscall doesn't name.
const tcpUserTimeout = 18

// limitUnacknowledged ends conn when the other machine has acknowledged nothing of
// what was sent for d: keepalive rests while bytes are under way.
func limitUnacknowledged(conn *net.TCPConn, d time.Duration) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return // closed; who uses it next will find out
	}
	_ = raw.Control(func(fd uintptr) { // a kernel without it retries for longer, no more
		_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpUserTimeout, int(d.Milliseconds()))
	})
}

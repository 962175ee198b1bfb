//go:build !linux

package gateway

import (
	"net"
	"time"
)

// limitUnacknowledged leaves it to the system how long it resends.
func limitUnacknowledged(*net.TCPConn, time.Duration) {}

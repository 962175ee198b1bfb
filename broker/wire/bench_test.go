package wire_test

import (
	"fmt"
	"testing"

	"geomq/broker/wire"
)

// BenchmarkPubSub sends through a real server on loopback TCP. The figures per
// message contain the server's work and its allocations.
func BenchmarkPubSub(b *testing.B) {
	for _, size := range []int{128, 1024} {
		b.Run(fmt.Sprintf("%dB", size), func(b *testing.B) {
			s := startServer(b, nil)
			from, to := dial(b, s, wire.Config{}), dial(b, s, wire.Config{})
			seen, complete := 0, make(chan struct{})
			// Credit keeps the server from dropping the reader as slow.
			credit := make(chan struct{}, 64)
			if _, err := to.Subscribe("orders.>", func(*wire.Msg) {
				if seen++; seen%500 == 0 {
					<-credit
				}
				if seen == b.N {
					close(complete)
				}
			}); err != nil {
				b.Fatal(err)
			}
			ping(b, to)
			p := wire.Pub{Subject: []byte("orders.created"), Header: []byte("NATS/1.0\r\na: b\r\n\r\n"), Body: make([]byte, size)}
			b.ReportAllocs()
			b.ResetTimer()
			for i := 1; i <= b.N; i++ {
				if err := from.PublishParts(p); err != nil {
					b.Fatal(err)
				}
				if i%500 == 0 {
					credit <- struct{}{}
				}
			}
			await(b, "all messages", complete)
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msgs/s")
		})
	}
}

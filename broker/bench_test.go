package broker

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"geomq/geo"
	"geomq/geo/entry"
)

// benchEntries have 436 bytes in the mean, headers included.
func benchEntries(n int) []entry.Entry {
	entries := made(1, geo.Offset(n))
	body := make([]byte, 800)
	for i := range body {
		body[i] = byte('a' + i*7%23)
	}
	for i := range entries {
		entries[i].Body = body[:80+(i*131)%640]
	}
	return entries
}

func BenchmarkAppend(b *testing.B) {
	for name, w := range writers {
		b.Run(name, func(b *testing.B) {
			l := openReplica(b, openBroker(b, testConfig(b, "eu-west")), 1).as(w)
			entries := benchEntries(b.N)
			a, err := l.Appender(deadline(b), AppendConfig{Plain: w == single})
			if err != nil {
				b.Fatal(err)
			}
			defer a.Close()
			b.ResetTimer()
			b.ReportAllocs()
			for len(entries) > 0 {
				n := min(500, len(entries))
				if err := a.Append(deadline(b), entries[:n], true); err != nil {
					b.Fatal(err)
				}
				entries = entries[n:]
			}
			if err := a.Settle(deadline(b)); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "entries/s")
		})
	}
}

func BenchmarkRead(b *testing.B) {
	for _, role := range []Role{Origin, Replica} {
		b.Run(string(role), func(b *testing.B) {
			l := openReplica(b, openBroker(b, testConfig(b, "eu-west")), 1)
			appendAll(b, l, AppendConfig{}, benchEntries(b.N))
			read := *l
			read.role = role // an origin's entries are taken as they are stored
			r, err := read.Read(deadline(b), 1, 16<<20)
			if err != nil {
				b.Fatal(err)
			}
			defer r.Close()
			b.ResetTimer()
			b.ReportAllocs()
			for got := 0; got < b.N; {
				entries, err := r.Next(deadline(b))
				if err != nil {
					b.Fatal(err)
				}
				got += len(entries)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "entries/s")
		})
	}
}

// BenchmarkPublish compares a log that has been shut and admitted with one that
// never was.
func BenchmarkPublish(b *testing.B) {
	for name, shut := range map[string]bool{"never shut": false, "admitted": true} {
		b.Run(name, func(b *testing.B) {
			cfg := testConfig(b, "us-east")
			topics := []geo.Topic{"orders.>"}
			if shut {
				cfg.Shut = topics
			}
			broker := openBroker(b, cfg)
			openOrigin(b, broker)
			broker.Admit(topics)
			js, err := connect(b, broker).JetStream(nats.PublishAsyncMaxPending(4000))
			if err != nil {
				b.Fatal(err)
			}
			body := make([]byte, 400)
			b.ResetTimer()
			for range b.N {
				if _, err := js.PublishAsync("orders.created", body, nats.StallWait(time.Minute)); err != nil {
					b.Fatal(err)
				}
			}
			<-js.PublishAsyncComplete()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "entries/s")
		})
	}
}

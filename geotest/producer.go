package geotest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// producer publishes in one region.
type producer struct {
	js      jetstream.JetStream
	history *History
	region  string
	every   time.Duration
	rng     *rand.Rand
	stop    chan struct{}
	done    chan struct{}
}

func (p *producer) run(ctx context.Context) {
	defer close(p.done)
	ticker := time.NewTicker(p.every)
	defer ticker.Stop()
	for n := 1; ; n++ {
		select {
		case <-ticker.C:
		case <-p.stop:
			return
		case <-ctx.Done():
			return
		}
		p.publish(ctx, n)
	}
}

// publish tries until the message is acknowledged or ctx ends.
func (p *producer) publish(ctx context.Context, n int) {
	m := &nats.Msg{Subject: "orders.created." + strconv.Itoa(p.rng.IntN(50)), Data: p.body(), Header: nats.Header{}}
	id := fmt.Sprintf("%s-%d", p.region, n)
	m.Header.Set("Nats-Msg-Id", id)
	m.Header["Trace"] = []string{id, "", "b"}
	p.history.Sent(strconv.Itoa(n))
	for ctx.Err() == nil {
		trying, cancel := context.WithTimeout(ctx, 2*time.Second)
		ack, err := p.js.PublishMsg(trying, m, jetstream.WithRetryAttempts(0))
		cancel()
		if err == nil {
			p.history.Acked(strconv.Itoa(n), ack.Sequence)
			p.history.Saw(p.region, ack.Sequence, See(m.Subject, id, m.Data))
			return
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
		}
	}
}

// letters are what bodies are made of: text, and bytes that are none.
const letters = "abcdefgh\x00\xff{}\": ,"

// body is mostly a few hundred bytes, sometimes none and sometimes a lot.
func (p *producer) body() []byte {
	size := 100 + p.rng.IntN(700)
	switch p.rng.IntN(200) {
	case 0:
		size = 0
	case 1:
		size = 20_000 + p.rng.IntN(60_000)
	}
	body := make([]byte, size)
	for i := range body {
		body[i] = letters[p.rng.IntN(len(letters))]
	}
	return body
}

// lineOf is the number that a message's id ends with.
func lineOf(id string) string { return id[strings.LastIndexByte(id, '-')+1:] }

// placeOf is the place of a key in its producer's order.
func placeOf(key string) int {
	n, err := strconv.Atoi(key)
	if err != nil {
		return -1
	}
	return n
}

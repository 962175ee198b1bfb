package wire

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"sync"
)

// statusNoResponders is what the server answers for a subject without interest.
const statusNoResponders = 503

// Ping returns once the server has processed everything that was published on
// this Conn before. Errors: the reason why ctx or the Conn ended.
func (c *Conn) Ping(ctx context.Context) error {
	answer := make(chan struct{})
	if err := c.pongs.ask(c.out, answer); err != nil {
		return err
	}
	select {
	case <-answer:
		return nil
	case <-c.done:
		return c.err
	case <-ctx.Done():
		return fmt.Errorf("ping: %w", context.Cause(ctx))
	}
}

// pongs are the PINGs that are not answered yet, oldest first: PONGs carry
// nothing but their order.
type pongs struct {
	mu      sync.Mutex
	waiting []chan struct{} // nil: nobody waits for it
}

// ask sends a PING and has answer closed at its PONG. The lock spans the append
// to the outbox, else two PINGs could go out in another order than they wait.
func (p *pongs) ask(out *outbox, answer chan struct{}) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := out.control("PING\r\n"); err != nil {
		return err
	}
	p.waiting = append(p.waiting, answer)
	return nil
}

func (p *pongs) answered() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.waiting) == 0 {
		return
	}
	if answer := p.waiting[0]; answer != nil {
		close(answer)
	}
	p.waiting = p.waiting[1:]
}

// Request publishes and returns a copy of the first reply. Errors:
// ErrNoResponders when nobody is subscribed, those of Publish, and the reason
// why ctx or the Conn ended.
func (c *Conn) Request(ctx context.Context, subject string, header, body []byte) (*Msg, error) {
	if err := c.replies.listen(c); err != nil {
		return nil, err
	}
	id, reply := c.replies.expect()
	defer c.replies.forget(id)
	subjectOfReply := c.inboxPrefix + "r." + strconv.FormatUint(id, 10)
	if err := c.Publish(subject, subjectOfReply, header, body); err != nil {
		return nil, err
	}
	select {
	case m := <-reply:
		return checkReply(subject, m)
	case <-c.done:
		return nil, c.err
	case <-ctx.Done():
		return nil, fmt.Errorf("request to %q: %w", subject, context.Cause(ctx))
	}
}

func checkReply(subject string, m *Msg) (*Msg, error) {
	if code, _ := m.Status(); code == statusNoResponders && len(m.Body) == 0 {
		return nil, fmt.Errorf("%w: %q", ErrNoResponders, subject)
	}
	return m, nil
}

// replies sorts the replies to all requests out of one subscription.
type replies struct {
	mu      sync.Mutex
	sub     *Sub // nil before the first request
	last    uint64
	waiting map[uint64]chan *Msg
}

// listen subscribes once.
func (r *replies) listen(c *Conn) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.sub != nil {
		return nil
	}
	prefix := []byte(c.inboxPrefix + "r.")
	sub, err := c.Subscribe(c.inboxPrefix+"r.*", func(m *Msg) {
		token, _ := bytes.CutPrefix(m.Subject, prefix)
		if id, ok := number(token); ok {
			r.deliver(id, m)
		}
	})
	r.sub = sub
	return err
}

func (r *replies) expect() (uint64, <-chan *Msg) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.waiting == nil {
		r.waiting = map[uint64]chan *Msg{}
	}
	r.last++
	reply := make(chan *Msg, 1)
	r.waiting[r.last] = reply
	return r.last, reply
}

func (r *replies) forget(id uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.waiting, id)
}

// deliver hands over the first reply; later ones find nobody waiting.
func (r *replies) deliver(id uint64, m *Msg) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if reply := r.waiting[id]; reply != nil {
		delete(r.waiting, id)
		reply <- m.Clone()
	}
}

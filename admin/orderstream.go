package admin

import (
	"encoding/json"
	"net/http"
	"slices"
	"sync"
	"time"
)

const (
	// newsEvery is how often the news of running steps are written at most,
	// lifeEvery how often something is written at least.
	newsEvery = 100 * time.Millisecond
	lifeEvery = 2 * time.Second
)

// orderLine is one line of the answer to an order: a step, the outcome, an error,
// or none of them as a mere sign of life.
type orderLine struct {
	Step    *Step      `json:"step,omitempty"`
	Outcome *Outcome   `json:"outcome,omitempty"`
	Error   *errorText `json:"error,omitempty"`
}

// orderStream writes the answer to one order. Its report may be called from
// another goroutine than the rest.
type orderStream struct {
	w     http.ResponseWriter
	lines *json.Encoder
	order Order
	wrote bool
	last  time.Time

	mu    sync.Mutex // guards what follows
	steps []Step     // the last word on each, in the order in which they came up
	fresh []int      // the steps with news, by their place
}

func newOrderStream(w http.ResponseWriter, order Order) *orderStream {
	return &orderStream{w: w, lines: json.NewEncoder(w), order: order, last: time.Now()}
}

// report is the Report of the order.
func (o *orderStream) report(s Step) {
	o.mu.Lock()
	defer o.mu.Unlock()
	at := slices.IndexFunc(o.steps, func(have Step) bool { return have.Name == s.Name })
	if at < 0 {
		at = len(o.steps)
		o.steps = append(o.steps, s)
	}
	o.steps[at] = s
	if !slices.Contains(o.fresh, at) {
		o.fresh = append(o.fresh, at)
	}
}

// news are the steps that were not written yet.
func (o *orderStream) news() []Step {
	o.mu.Lock()
	defer o.mu.Unlock()
	var news []Step
	for _, at := range o.fresh {
		news = append(news, o.steps[at])
	}
	o.fresh = nil
	return news
}

// due fires when something may have to be written.
func (o *orderStream) due() <-chan time.Time { return time.After(newsEvery) }

// begun tells whether anything has been written, or is to be.
func (o *orderStream) begun() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.wrote || len(o.steps) > 0
}

// write writes what is new, or a sign of life where there has been nothing for
// long.
func (o *orderStream) write() {
	news := o.news()
	for i := range news {
		o.line(orderLine{Step: &news[i]})
	}
	if len(news) == 0 && time.Since(o.last) >= lifeEvery {
		o.line(orderLine{})
	}
}

func (o *orderStream) line(l orderLine) {
	if !o.wrote {
		o.w.Header().Set("Content-Type", "application/x-ndjson")
	}
	o.wrote, o.last = true, time.Now()
	out := http.NewResponseController(o.w)
	out.SetWriteDeadline(time.Now().Add(2 * writeTimeout))
	if o.lines.Encode(l) == nil { // else whoever asked has gone, and the order's context ends
		out.Flush()
	}
}

// end writes the last line. An order that failed before it had done anything is
// answered as a failed question is.
func (o *orderStream) end(outcome Outcome, err error) {
	if err != nil && !o.begun() {
		fail(o.w, err)
		return
	}
	o.write()
	if err != nil {
		_, code := classify(err)
		o.line(orderLine{Error: &errorText{Code: code, Message: err.Error()}})
		return
	}
	outcome.Verb, outcome.DryRun, outcome.Steps = o.order.Verb(), o.order.Dry(), append([]Step{}, o.steps...)
	o.line(orderLine{Outcome: &outcome})
}

package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"slices"
	"time"
)

// side is a pair of an origin, which stands during the whole run, and replicas
// that come one after the other.
type side interface {
	name() string
	// producers is where events are published to the origin, and the name of
	// its stream.
	producers() (url, stream string)
	// attach brings up a fresh replica, in dir or where the side keeps such, over a
	// path of the given round trip, and returns once its catching up has begun.
	attach(ctx context.Context, dir string, roundTrip time.Duration) (replica, error)
	close() error
}

// replica is a replica that is catching up.
type replica interface {
	// began is when catching up began.
	began() time.Time
	// wire is how many bytes have crossed the path since then.
	wire() uint64
	// clients is where to ask it for its stream.
	clients() string
	close() error
}

// Mirror measures how fast fresh replicas catch up, geomq's and JetStream's own
// taking turns. It needs about three times the events' size on disk. The error
// is ErrConfig, ErrStuck, ErrIncomplete, ctx's, or that of a server.
func Mirror(ctx context.Context, cfg Config) (report *Report, err error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(cfg.Dir, "geomq-bench-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	cfg.say("starting both origins in %s", dir)
	sides, err := openSides(ctx, dir)
	if err != nil {
		return nil, err
	}
	defer func() {
		for _, s := range sides {
			err = errors.Join(err, s.close())
		}
	}()
	r := &run{cfg: &cfg, dir: dir, sides: sides}
	if r.report.MeanBytes, err = load(ctx, &cfg, sides); err != nil {
		return nil, err
	}
	r.report.Events = cfg.Events
	for _, delay := range cfg.Delays {
		if err := r.series(ctx, delay); err != nil {
			return nil, err
		}
	}
	return &r.report, nil
}

func openSides(ctx context.Context, dir string) ([]side, error) {
	g, err := openGeomq(ctx, filepath.Join(dir, Geomq))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", Geomq, err)
	}
	n, err := openNative(ctx, filepath.Join(dir, Native))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", Native, err), g.close())
	}
	return []side{g, n}, nil
}

// run is one call of Mirror.
type run struct {
	cfg    *Config
	dir    string
	sides  []side
	report Report
}

func (r *run) series(ctx context.Context, delay time.Duration) error {
	s := Series{Delay: delay}
	for number := range r.cfg.Rounds + 1 {
		order := slices.Clone(r.sides)
		if number%2 == 1 {
			slices.Reverse(order)
		}
		for _, side := range order {
			round, err := r.round(ctx, side, number, delay)
			if err != nil {
				return fmt.Errorf("%s, round %d at %s: %w", side.name(), number, delay, err)
			}
			s.Rounds = append(s.Rounds, round)
			r.cfg.say("%s", describe(&round, delay, r.cfg.Rounds))
		}
	}
	r.report.Series = append(r.report.Series, s)
	return nil
}

func describe(r *Round, delay time.Duration, rounds int) string {
	name := fmt.Sprintf("round %d of %d", r.Number, rounds)
	if r.WarmUp() {
		name = "warming up"
	}
	return fmt.Sprintf("round trip %s, %s: %s %.0f entries/s, %.1f bytes on the wire each, %s of processor time", delay, name, r.Side, r.PerSecond, r.WirePerEntry, r.Processor.Round(time.Millisecond))
}

// round lets one fresh replica catch up and takes it down again.
func (r *run) round(ctx context.Context, side side, number int, delay time.Duration) (round Round, err error) {
	dir := filepath.Join(r.dir, "replica")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return round, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	runtime.GC()
	stop, err := r.profile(fmt.Sprintf("%s-%s-%d.pprof", side.name(), delay, number))
	if err != nil {
		return round, err
	}
	defer stop()
	before, err := processorTime()
	if err != nil {
		return round, err
	}
	rep, err := side.attach(ctx, dir, delay)
	if err != nil {
		return round, err
	}
	defer func() { err = errors.Join(err, rep.close()) }()
	_, stream := side.producers()
	end, err := await(ctx, rep.clients(), stream, uint64(r.cfg.Events))
	stop()
	if err != nil {
		return round, err
	}
	after, err := processorTime()
	if err != nil {
		return round, err
	}
	round = Round{Side: side.name(), Number: number, Took: end.Sub(rep.began()), Processor: after - before, WireBytes: rep.wire()}
	n := float64(r.cfg.Events)
	round.PerSecond, round.WirePerEntry = n/round.Took.Seconds(), float64(round.WireBytes)/n
	return round, nil
}

// profile begins a CPU profile if there shall be one; stop may be
// called more than once.
func (r *run) profile(name string) (stop func(), err error) {
	if r.cfg.Profiles == "" {
		return func() {}, nil
	}
	f, err := os.Create(filepath.Join(r.cfg.Profiles, name))
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		f.Close()
		return nil, err
	}
	return func() {
		pprof.StopCPUProfile()
		f.Close()
	}, nil
}

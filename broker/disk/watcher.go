package disk

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"syscall"
	"time"
)

// Config describes a Watcher.
type Config struct {
	// Folder is the data folder, Measure asks how much room there is for it;
	// default: Statfs of Folder.
	Folder  string
	Measure func() (Usage, error)
	// Thresholds as far as they aren't the defaults.
	Thresholds Thresholds
	// Log gets a line for each change; default: discard.
	Log *slog.Logger
}

// Statfs measures the file system that a folder lies in.
func Statfs(folder string) (Usage, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(folder, &s); err != nil {
		return Usage{}, fmt.Errorf("ask for the room of %s: %w", folder, err)
	}
	block, available := uint64(s.Bsize), uint64(max(s.Bavail, 0)) // signed on some systems, and then negative
	// What is kept for root is neither free to us nor part of what we could use.
	kept := s.Bfree - min(available, s.Bfree)
	return Usage{Free: available * block, Total: (s.Blocks - min(kept, s.Blocks)) * block}, nil
}

// Watcher looks at the room of a data folder and says what may be written.
type Watcher struct {
	cfg Config

	mu     sync.Mutex // guards what follows
	state  State
	usage  Usage
	failed bool // the last measure did
}

// New returns a Watcher that has not looked yet; its state is OK.
func New(cfg Config) *Watcher {
	if cfg.Measure == nil {
		cfg.Measure = func() (Usage, error) { return Statfs(cfg.Folder) }
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	cfg.Thresholds = cfg.Thresholds.WithDefaults()
	return &Watcher{cfg: cfg}
}

// State is what the last look found, Usage what it measured.
func (w *Watcher) State() State {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.state
}

// Usage is what was measured last; zero before the first look.
func (w *Watcher) Usage() Usage {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.usage
}

// Look measures once and returns the state, and whether it is another one.
func (w *Watcher) Look() (state State, changed bool) {
	usage, err := w.cfg.Measure()
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil {
		if !w.failed {
			w.cfg.Log.Warn("the room of the data folder can't be measured; what may be written stays as it is", "folder", w.cfg.Folder, "state", w.state.String(), "err", err)
		}
		w.failed = true
		return w.state, false
	}
	before := w.state
	w.failed, w.usage, w.state = false, usage, w.cfg.Thresholds.Next(before, usage)
	if w.state != before {
		w.tell(before)
	}
	return w.state, w.state != before
}

// tell logs a change. Needs mu.
func (w *Watcher) tell(before State) {
	level, text := slog.LevelWarn, "the data folder's disk is filling up: "
	switch {
	case w.state == OriginsFence:
		level, text = slog.LevelError, text+"this region takes no more messages; make room, it goes on by itself"
	case w.state == ReplicasStop && before < w.state:
		text += "replicas stop; make room, they go on by themselves"
	case w.state == ReplicasStop:
		text = "the data folder's disk has room for this region's own messages again; replicas still stand"
	default:
		level, text = slog.LevelInfo, "the data folder's disk has room again: replicas go on"
	}
	w.cfg.Log.Log(context.Background(), level, text, "folder", w.cfg.Folder,
		"free", w.usage.Free, "total", w.usage.Total, "used", w.usage.Used, "limit", w.usage.Limit, "state", w.state.String())
}

// Run looks at once and then at every interval until ctx ends, and tells every
// change, from one goroutine: changed may take its time, the next look waits. The
// first look tells its state whatever it is. It returns ctx's error.
func (w *Watcher) Run(ctx context.Context, every time.Duration, changed func(State)) error {
	state, _ := w.Look()
	changed(state)
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
			if state, news := w.Look(); news {
				changed(state)
			}
		}
	}
}

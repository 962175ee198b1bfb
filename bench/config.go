package bench

import (
	"fmt"
	"time"
)

// Config says what Mirror measures.
type Config struct {
	// Events is how many the origins hold.
	Events int
	// Input is an NDJSON file with them, see package events; empty: made up.
	Input string
	// Rounds is how many of each side count, for each round trip.
	Rounds int
	// Delays are the round trips to measure at.
	Delays []time.Duration
	// Dir is the folder for all data, which is left as it was found; empty: a
	// temporary one.
	Dir string
	// Profiles is a folder for a CPU profile of every round; empty: none.
	Profiles string
	// Progress, if set, is told what is going on, a line at a time.
	Progress func(string)
}

func (c *Config) validate() error {
	switch {
	case c.Events < 1:
		return fmt.Errorf("%w: Events is %d, must be at least 1", ErrConfig, c.Events)
	case c.Rounds < 1:
		return fmt.Errorf("%w: Rounds is %d, must be at least 1", ErrConfig, c.Rounds)
	case len(c.Delays) == 0:
		return fmt.Errorf("%w: Delays is empty", ErrConfig)
	}
	for _, d := range c.Delays {
		if d < 0 || d > 10*time.Second {
			return fmt.Errorf("%w: a round trip of %s, must be from 0 to 10s", ErrConfig, d)
		}
	}
	return nil
}

func (c *Config) say(format string, args ...any) {
	if c.Progress != nil {
		c.Progress(fmt.Sprintf(format, args...))
	}
}

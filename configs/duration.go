package configs

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// Duration is a time.Duration that is written and read with days and weeks too.
// Config itself holds time.Duration values; this type is their text form.
type Duration time.Duration

const (
	day  = 24 * time.Hour
	week = 7 * day
)

// ParseDuration reads "90s", "1h30m", "7d", "2w" or "1d12h". Units are ns, us, ms,
// s, m (minutes), h, d (24 hours) and w; a number without one is refused. The
// error wraps ErrDuration.
func ParseDuration(text string) (Duration, error) {
	rest, negative := strings.CutPrefix(text, "-")
	if rest == "" {
		return 0, fmt.Errorf("%w: %s; write e.g. 30s, 5m, 12h, 7d or 2w", ErrDuration, quote(text))
	}
	// The sum is kept negative, because the least int64 has no positive twin.
	var sum time.Duration
	for rest != "" {
		piece, unit := cutPiece(&rest)
		d, err := pieceOf(text, piece, unit)
		if err != nil {
			return 0, err
		}
		if sum < math.MinInt64+d {
			return 0, tooLong(text)
		}
		sum -= d
	}
	switch {
	case negative:
		return Duration(sum), nil
	case sum == math.MinInt64:
		return 0, tooLong(text)
	}
	return Duration(-sum), nil
}

// String writes d in a form that ParseDuration reads: whole days as "7d", all
// else as time.Duration does but without zero parts: "1h30m", "2m", "1.5s".
func (d Duration) String() string {
	t := time.Duration(d)
	if t != 0 && t%day == 0 {
		return fmt.Sprintf("%dd", t/day)
	}
	text := t.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// cutPiece takes one number and its unit off the front of rest.
func cutPiece(rest *string) (number, unit string) {
	text := *rest
	isNumber := func(r rune) bool { return r >= '0' && r <= '9' || r == '.' }
	end := len(text) - len(strings.TrimLeftFunc(text, isNumber))
	number, text = text[:end], text[end:]
	end = strings.IndexFunc(text, isNumber)
	if end < 0 {
		end = len(text)
	}
	*rest = text[end:]
	return number, text[:end]
}

// pieceOf is the duration of one number with its unit; text is what they stand in.
func pieceOf(text, number, unit string) (time.Duration, error) {
	factor := time.Duration(1)
	base := unit
	switch unit {
	case "":
		return 0, fmt.Errorf("%w: %s has no unit; write e.g. %ss, %sm, %sh, %sd or %sw",
			ErrDuration, quote(text), clip(number), clip(number), clip(number), clip(number), clip(number))
	case "d":
		factor, base = day/time.Hour, "h"
	case "w":
		factor, base = week/time.Hour, "h"
	case "ns", "us", "µs", "ms", "s", "m", "h":
	default:
		return 0, fmt.Errorf("%w: %s has the unit %s; units are ms, s, m, h, d and w", ErrDuration, quote(text), quote(unit))
	}
	d, err := time.ParseDuration(number + base)
	if err != nil {
		return 0, fmt.Errorf("%w: %s; write e.g. 30s, 5m, 12h, 7d or 2w", ErrDuration, quote(text))
	}
	if d > math.MaxInt64/factor {
		return 0, tooLong(text)
	}
	return d * factor, nil
}

func tooLong(text string) error {
	return fmt.Errorf("%w: %s is longer than 292 years", ErrDuration, quote(text))
}

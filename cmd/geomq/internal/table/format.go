package table

import (
	"strconv"
	"time"

	"geomq/client"
)

// Unknown stands where there is no fresh value; it is not the same as zero.
const Unknown = "unknown"

// None stands where there can't be a value.
const None = "–"

// Count writes n with thousands separators: "39,244".
func Count[T ~uint64](n T) string { return client.Thousands(uint64(n)) }

// CountOr writes *n as Count does, or Unknown for nil.
func CountOr(n *uint64) string {
	if n == nil {
		return Unknown
	}
	return Count(*n)
}

// Bytes writes a size in the largest binary unit that leaves a number of at
// least 1: "0 B", "1.5 KiB", "16 MiB".
func Bytes(n uint64) string {
	if n < 1024 {
		return strconv.FormatUint(n, 10) + " B"
	}
	value, unit := float64(n)/1024, 0
	for value >= 1023.5 && unit < len(binaryUnits)-1 {
		value, unit = value/1024, unit+1
	}
	digits := 0
	if value < 9.95 {
		digits = 1
	}
	return strconv.FormatFloat(value, 'f', digits, 64) + " " + binaryUnits[unit]
}

var binaryUnits = []string{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"}

// BytesOr writes *n as Bytes does, or Unknown for nil.
func BytesOr(n *uint64) string {
	if n == nil {
		return Unknown
	}
	return Bytes(*n)
}

// Duration writes d for people: "3.2 s", "41 ms", "2 d".
func Duration(d time.Duration) string { return client.Short(d) }

// SecondsOr writes a number of seconds as Duration does, or Unknown for nil.
func SecondsOr(seconds *float64) string {
	if seconds == nil {
		return Unknown
	}
	return Duration(time.Duration(*seconds * float64(time.Second)))
}

// Since is the time from then to now, None where then is zero. What lies ahead,
// by clocks that differ, counts as now.
func Since(then, now time.Time) string {
	if then.IsZero() {
		return None
	}
	return Duration(max(now.Sub(then), 0))
}

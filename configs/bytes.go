package configs

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Bytes is a number of bytes: an amount of memory, disk or message.
type Bytes int64

const (
	kib Bytes = 1 << 10
	mib Bytes = 1 << 20
	gib Bytes = 1 << 30
)

// byteUnits is ordered so that String finds the largest unit of each kind first.
var byteUnits = []struct {
	name  string
	bytes Bytes
}{
	{"TiB", 1 << 40}, {"GiB", gib}, {"MiB", mib}, {"KiB", kib},
	{"TB", 1e12}, {"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}, {"KB", 1e3}, {"B", 1},
}

// ParseBytes reads a whole number of bytes with or without a unit: "65536",
// "256KiB", "10GB". Units of 1024 are KiB, MiB, GiB and TiB, units of 1000 are kB
// (or KB), MB, GB and TB; their case counts. The error wraps ErrBytes.
func ParseBytes(text string) (Bytes, error) {
	number, name := cutNumber(text)
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%w: %s; write a whole number and a unit, e.g. 16MiB", ErrBytes, quote(text))
	}
	unit := Bytes(1)
	if name = strings.TrimPrefix(name, " "); name != "" {
		if unit = byteUnit(name); unit == 0 {
			return 0, fmt.Errorf("%w: %s has the unit %s; units are B, KiB, MiB, GiB, TiB, kB, MB, GB and TB",
				ErrBytes, quote(text), quote(name))
		}
	}
	total := Bytes(n) * unit
	if total/unit != Bytes(n) {
		return 0, fmt.Errorf("%w: %s is more than a 64-bit number holds", ErrBytes, quote(text))
	}
	return total, nil
}

// String writes b in the unit that leaves the smallest whole number, in a form
// that ParseBytes reads: "16MiB", "10GB", "1500", "0".
func (b Bytes) String() string {
	best, least := strconv.FormatInt(int64(b), 10), int64(math.MaxInt64)
	for _, u := range byteUnits {
		if b == 0 || b%u.bytes != 0 || u.bytes == 1 {
			continue
		}
		number := int64(b / u.bytes)
		if size := max(number, -number); size < least {
			best, least = strconv.FormatInt(number, 10)+u.name, size
		}
	}
	return best
}

// byteUnit is how many bytes the named unit has, 0 for one that is not known.
func byteUnit(name string) Bytes {
	for _, u := range byteUnits {
		if u.name == name {
			return u.bytes
		}
	}
	return 0
}

// cutNumber splits "-12KiB" into "-12" and "KiB".
func cutNumber(text string) (number, rest string) {
	at := 0
	if strings.HasPrefix(text, "-") {
		at = 1
	}
	for at < len(text) && text[at] >= '0' && text[at] <= '9' {
		at++
	}
	return text[:at], text[at:]
}

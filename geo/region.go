package geo

import "fmt"

// Region is the name of a place with its own brokers. It is a DNS label in
// lower case, e.g. "us-east", because it becomes part of host names, subjects
// and stream names.
type Region string

// maxRegion is the longest DNS label (RFC 1035, section 2.3.4).
const maxRegion = 63

// ParseRegion returns text as a Region, or an error wrapping ErrRegion that
// says what is wrong with it.
func ParseRegion(text string) (Region, error) {
	switch {
	case text == "":
		return "", fmt.Errorf("%w: it is empty", ErrRegion)
	case len(text) > maxRegion:
		return "", fmt.Errorf("%w: %q has %d characters, a DNS label has at most %d", ErrRegion, text, len(text), maxRegion)
	case text[0] == '-' || text[len(text)-1] == '-':
		return "", fmt.Errorf("%w: %q begins or ends with a hyphen", ErrRegion, text)
	case text == "all":
		return "", fmt.Errorf("%w: %q is kept for merged views (NAME@all)", ErrRegion, text)
	}
	for i := range len(text) {
		if c := text[i]; !isLower(c) && !isDigit(c) && c != '-' {
			return "", fmt.Errorf("%w: %q holds %q; allowed are a-z, 0-9 and the hyphen", ErrRegion, text, c)
		}
	}
	return Region(text), nil
}

func isLower(c byte) bool { return c >= 'a' && c <= 'z' }
func isUpper(c byte) bool { return c >= 'A' && c <= 'Z' }
func isDigit(c byte) bool { return c >= '0' && c <= '9' }

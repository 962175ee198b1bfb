package configs

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// longestQuote bounds what a problem repeats of the file.
const longestQuote = 60

// clip cuts text to what fits into a message.
func clip(text string) string {
	if len(text) <= longestQuote {
		return text
	}
	end := longestQuote
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "…"
}

// quote is text in quotes, cut, with nothing in it that a terminal would obey.
func quote(text string) string { return strconv.Quote(clip(text)) }

// list joins values for a message.
func list[T ~string](values []T) string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = string(v)
	}
	return clip(strings.Join(texts, ", "))
}

// distance counts the letters to insert, drop or replace to turn a into b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}

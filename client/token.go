package client

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// maxToken is the longest token in bytes. Subjects share NATS' control line
	// of 4,096 bytes with the reply, and geomq puts names in front of them.
	maxToken = 200
	// cutMark stands between what was kept of a long text and its hash. No
	// escape looks like it: those have two hexadecimal digits behind the '%'.
	cutMark = "%~"
	// emptyToken stands for the empty text.
	emptyToken = "%"
	cutHash    = 16
	upperHex   = "0123456789ABCDEF"
)

// Token returns text as one token of a subject. Letters of all scripts, digits
// and most punctuation stay as they are; '%', '.', '*', '>', a '$' in front,
// white space, control characters and bytes that are no UTF-8 become %XX, one
// for each byte; the empty text becomes "%".
//
// No two texts have the same token. A text whose token would be longer than 200
// bytes keeps its beginning, followed by "%~" and 128 bits of its SHA-256: two
// of those differ unless the hash collides.
//
// A log keeps the order of what was published to one subject by one producer,
// so whatever becomes the token is what the order holds for.
func Token(text string) string {
	if text == "" {
		return emptyToken
	}
	var b strings.Builder
	fits := 0 // bytes of the token that may stay if it has to be cut
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		appendRune(&b, text[i:i+size], r, i == 0)
		i += size
		if b.Len() <= maxToken-len(cutMark)-2*cutHash {
			fits = b.Len()
		}
	}
	if b.Len() <= maxToken {
		return b.String()
	}
	sum := sha256.Sum256([]byte(text))
	return b.String()[:fits] + cutMark + hex.EncodeToString(sum[:cutHash])
}

// appendRune writes one character of a token, escaped where it has to be.
func appendRune(b *strings.Builder, raw string, r rune, first bool) {
	if plain(r, len(raw)) && (r != '$' || !first) {
		b.WriteString(raw)
		return
	}
	for i := range len(raw) {
		b.WriteByte('%')
		b.WriteByte(upperHex[raw[i]>>4])
		b.WriteByte(upperHex[raw[i]&15])
	}
}

// plain tells whether a character may stand in a token as it is.
func plain(r rune, size int) bool {
	switch r {
	case '%', '.', '*', '>', ' ':
		return false
	case utf8.RuneError:
		return size > 1 // written out as such, not a byte that is no UTF-8
	}
	return unicode.IsPrint(r)
}

// Untoken gives back the text that Token made into token. The error wraps
// ErrCutToken for a text that was too long to be kept whole, and ErrToken for a
// token that Token never writes.
func Untoken(token string) (string, error) {
	if token == emptyToken {
		return "", nil
	}
	if strings.Contains(token, cutMark) {
		return "", fmt.Errorf("%w: %q", ErrCutToken, token)
	}
	text := make([]byte, 0, len(token))
	for i := 0; i < len(token); i++ {
		if token[i] != '%' {
			text = append(text, token[i])
			continue
		}
		if i+2 >= len(token) {
			return "", fmt.Errorf("%w: %q ends within an escape", ErrToken, token)
		}
		high, low := strings.IndexByte(upperHex, token[i+1]), strings.IndexByte(upperHex, token[i+2])
		if high < 0 || low < 0 {
			return "", fmt.Errorf("%w: %q holds %q", ErrToken, token, token[i:i+3])
		}
		text = append(text, byte(high<<4|low))
		i += 2
	}
	if Token(string(text)) != token {
		return "", fmt.Errorf("%w: %q is not how %q is escaped", ErrToken, token, text)
	}
	return string(text), nil
}

package broker

import (
	"fmt"
	"strings"
)

// A key is a record's last subject token: letters, digits, '-' and '_' stand for
// themselves, all other bytes are written %XX, and the empty key is "%".

const (
	maxKey    = 256
	emptyKey  = "%"
	hexDigits = "0123456789ABCDEF"
)

func plainInKey(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_'
}

// keyToken writes a key as a token; the error is ErrKey.
func keyToken(key string) (string, error) {
	if len(key) > maxKey {
		return "", fmt.Errorf("%w: it has %d bytes, at most %d fit", ErrKey, len(key), maxKey)
	}
	if key == "" {
		return emptyKey, nil
	}
	var b strings.Builder
	for i := range len(key) {
		if c := key[i]; plainInKey(c) {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'%', hexDigits[c>>4], hexDigits[c&15]})
		}
	}
	return b.String(), nil
}

// tokenKey reads what keyToken wrote, and nothing else: a key has one token.
func tokenKey(token string) (string, error) {
	if token == emptyKey {
		return "", nil
	}
	var b strings.Builder
	for i := 0; i < len(token); i++ {
		if token[i] != '%' {
			b.WriteByte(token[i])
			continue
		}
		if i+2 >= len(token) {
			break
		}
		high, low := strings.IndexByte(hexDigits, token[i+1]), strings.IndexByte(hexDigits, token[i+2])
		b.WriteByte(byte(high<<4 | low))
		i += 2
	}
	key := b.String()
	if again, err := keyToken(key); err != nil || again != token || key == "" {
		return "", fmt.Errorf("%w: %.100q is not the name of a record", ErrJournal, token)
	}
	return key, nil
}

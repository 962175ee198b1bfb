package configs

import (
	"encoding/base64"
	"fmt"
	"strings"
)

// GossipKey is the key that encrypts gossip, in base64. Whatever prints, logs or
// encodes a Config shows "(hidden)" in its place; only Marshal writes it.
type GossipKey string

const hidden = "(hidden)"

// Bytes is the key itself: 16, 24 or 32 bytes, or nil where no key is set. The
// error wraps ErrGossipKey and does not show the key.
func (k GossipKey) Bytes() ([]byte, error) {
	if k == "" {
		return nil, nil
	}
	// DecodeString skips line ends; a key is one line.
	if strings.ContainsAny(string(k), "\r\n") {
		return nil, fmt.Errorf("%w: it spans several lines", ErrGossipKey)
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(string(k))
	if err != nil {
		return nil, fmt.Errorf("%w: it is no base64; make one with: head -c 32 /dev/urandom | base64", ErrGossipKey)
	}
	switch len(raw) {
	case 16, 24, 32:
		return raw, nil
	}
	return nil, fmt.Errorf("%w: it has %d bytes, not 16, 24 or 32; make one with: head -c 32 /dev/urandom | base64",
		ErrGossipKey, len(raw))
}

// String hides the key from logs; a key that is not set is empty.
func (k GossipKey) String() string {
	if k == "" {
		return ""
	}
	return hidden
}

// GoString hides the key from %#v.
func (k GossipKey) GoString() string { return fmt.Sprintf("configs.GossipKey(%q)", k.String()) }

// MarshalText hides the key from JSON.
func (k GossipKey) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// keyIn finds the key in the text of a key file: its one line that is neither
// blank nor a comment (#).
func keyIn(text string) (GossipKey, error) {
	var key GossipKey
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case key != "":
			return "", fmt.Errorf("%w: the file holds more than one line that is no comment", ErrGossipKey)
		default:
			key = GossipKey(line)
		}
	}
	if key == "" {
		return "", fmt.Errorf("%w: the file holds none; make one with: head -c 32 /dev/urandom | base64", ErrGossipKey)
	}
	_, err := key.Bytes()
	return key, err
}

package client

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/nats-io/nats-server/v2/server"
	"pgregory.net/rapid"
)

func TestTokens(t *testing.T) {
	for text, want := range map[string]string{
		"Foo": "Foo", "": "%", "%": "%25", ".": "%2E", "a.b": "a%2Eb", "*": "%2A", ">": "%3E",
		"$JS": "%24JS", "US$": "US$", "a b": "a%20b", "tab\t": "tab%09", "a\x00": "a%00", "\x7f": "%7F",
		"Война": "Война", "東京": "東京", "naïve-1_2/3": "naïve-1_2/3", "🎈": "🎈",
		"\u00a0": "%C2%A0", "\u2028": "%E2%80%A8", "\ufeff": "%EF%BB%BF", "\u202e": "%E2%80%AE",
		"\xff": "%FF", "\ufffd": "\ufffd", "a\xc3": "a%C3",
	} {
		if got := Token(text); got != want {
			t.Errorf("Token(%q) is %q, want %q", text, got, want)
		}
	}
}

// Long texts that share their beginning stay apart, and a cut never splits an
// escape or a character.
func TestLongTexts(t *testing.T) {
	for _, unit := range []string{"x", "é", "東", ".", "a.", "\xff", "🎈"} {
		seen := map[string]int{}
		for n := 1; n < 400; n++ {
			text := strings.Repeat(unit, n)
			token := Token(text)
			if other, twice := seen[token]; twice {
				t.Fatalf("%d and %d times %q have one token", n, other, unit)
			}
			seen[token] = n
			checkToken(t, token)
			back, err := Untoken(token)
			if cut := errors.Is(err, ErrCutToken); !cut && (err != nil || back != text) || cut && len(token) < maxToken-40 {
				t.Fatalf("%d times %q: %q, %v", n, unit, token, err)
			}
		}
	}
}

func checkToken(t interface {
	Fatalf(string, ...any)
	Helper()
}, token string) {
	t.Helper()
	subject := "orders." + token
	switch {
	case len(token) == 0 || len(token) > maxToken:
		t.Fatalf("%q has %d bytes", token, len(token))
	case !utf8.ValidString(token):
		t.Fatalf("%q is no UTF-8", token)
	case !server.IsValidLiteralSubject(subject) || strings.Count(subject, ".") != 1:
		t.Fatalf("NATS does not take %q", subject)
	case CheckTopic(subject) != nil:
		t.Fatalf("%q is no topic: %v", subject, CheckTopic(subject))
	}
}

func textGenerator() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.String(),
		rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 300), func(b []byte) string { return string(b) }),
		rapid.StringOfN(rapid.SampledFrom([]rune("%2E.*>$ \t~a%%ABé")), 0, 300, -1),
	)
}

func TestNoTwoTextsHaveOneToken(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := textGenerator().Draw(t, "a"), textGenerator().Draw(t, "b")
		checkToken(t, Token(a))
		if a != b && Token(a) == Token(b) {
			t.Fatalf("%q and %q become %q", a, b, Token(a))
		}
		if back, err := Untoken(Token(a)); err == nil && back != a || err != nil && !errors.Is(err, ErrCutToken) {
			t.Fatalf("%q comes back as %q, %v", a, back, err)
		}
		// A token is a text too, and has another token unless nothing in it
		// needs one.
		if strings.Contains(Token(a), "%") && Token(Token(a)) == Token(a) {
			t.Fatalf("the token of %q stands for itself", a)
		}
	})
}

func FuzzUntoken(f *testing.F) {
	for _, seed := range []string{"Foo", "%", "%2E", "%2e", "%41", "%~", "a%~0123", "%%", "%2", "\xff", "é%C3%A9"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, token string) {
		text, err := Untoken(token)
		if err == nil && Token(text) != token {
			t.Fatalf("%q is taken for %q, whose token is %q", token, text, Token(text))
		}
		if err != nil && !errors.Is(err, ErrToken) && !errors.Is(err, ErrCutToken) {
			t.Fatal(err)
		}
		checkToken(t, Token(token))
	})
}

func TestSubjects(t *testing.T) {
	if s, err := Subject("orders.created", "A.B"); err != nil || s != "orders.created.A%2EB" {
		t.Errorf("%q, %v", s, err)
	}
	for _, topic := range []string{"", ">", "orders.>", "orders.*", "a..b", "a b", "$JS.x", "_INBOX.x", "geomq.r", "a."} {
		if _, err := Subject(topic, "k"); !errors.Is(err, ErrSubject) {
			t.Errorf("%q is taken for a topic: %v", topic, err)
		}
	}
}

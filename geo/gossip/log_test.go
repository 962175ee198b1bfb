package gossip

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"
)

func TestLinesOfMemberlistBecomeLogs(t *testing.T) {
	tests := []struct{ line, want string }{
		{"[DEBUG] memberlist: Stream connection from=127.0.0.1:1", `level=DEBUG msg=gossip detail="Stream connection from=127.0.0.1:1"`},
		{"[INFO] memberlist: Suspect x has failed, no acks received", `level=DEBUG msg=gossip detail="Suspect x has failed, no acks received"`},
		{"[WARN] memberlist: Got ping for unexpected node x from=1.2.3.4:5", `level=DEBUG msg=gossip detail="Got ping for unexpected node x from=1.2.3.4:5"`},
		{"[ERR] memberlist: Decrypt packet failed: why from=1.2.3.4:5", `level=WARN msg="` + otherKey + `" detail="Decrypt packet failed: why" from=1.2.3.4:5`},
		{`[ERR] memberlist: discarding packet with unacceptable label "": from=1.2.3.4:5`, `level=WARN msg="` + otherSpeaker + `" detail="discarding packet with unacceptable label \"\":" from=1.2.3.4:5`},
		{"[WARN] memberlist: handler queue full", `level=WARN msg="gossip disturbed" detail="handler queue full" from=""`},
		{"no level", `level=WARN msg="gossip disturbed" detail="no level" from=""`},
		{"", `level=WARN msg="gossip disturbed" detail="" from=""`},
	}
	for _, tt := range tests {
		var out bytes.Buffer
		bridge := newLogBridge(plainLogger(&out))
		bridge.logger().Print(tt.line)
		if got := strings.TrimSpace(out.String()); got != tt.want {
			t.Errorf("%q became\n%s\nwant\n%s", tt.line, got, tt.want)
		}
		out.Reset()
		bridge.silent.Store(true)
		bridge.logger().Print(tt.line)
		if out.Len() != 0 {
			t.Errorf("after Close %q became %s", tt.line, out.String())
		}
	}
}

// plainLogger logs everything, without the time.
func plainLogger(out *bytes.Buffer) *slog.Logger {
	return slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{
		Level: slog.LevelDebug,
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	}))
}

func TestCausesAreLoggedAtALimitedRate(t *testing.T) {
	l := newLimiter()
	now := time.Unix(1_700_000_000, 0)
	pass := func(cause string, wantOK bool, wantWithheld int) {
		t.Helper()
		if ok, withheld := l.pass(cause, now); ok != wantOK || withheld != wantWithheld {
			t.Errorf("%s: %v, %d withheld; want %v, %d", cause, ok, withheld, wantOK, wantWithheld)
		}
	}
	pass("key", true, 0)
	pass("key", false, 0)
	pass("key", false, 0)
	pass("label", true, 0)
	now = now.Add(logEvery)
	pass("key", true, 2)
	pass("key", false, 0)
	pass("label", true, 0)
}

// Foreign bytes shape causes; they fill no memory and no log.
func TestCausesAreBounded(t *testing.T) {
	l := newLimiter()
	now := time.Unix(1_700_000_000, 0)
	passed := 0
	for i := range 10_000 {
		if ok, _ := l.pass(fmt.Sprint(i), now); ok {
			passed++
		}
	}
	if len(l.causes) != maxCauses+1 || passed != maxCauses+1 {
		t.Errorf("%d causes kept, %d logged; want %d each", len(l.causes), passed, maxCauses+1)
	}
}

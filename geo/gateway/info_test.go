package gateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestInfoLosesWhatLeadsAroundTheGatewayAndNothingElse(t *testing.T) {
	line := []byte(`INFO {"server_id":"N","max_payload":1048576,"connect_urls":["10.0.0.1:4222"],"big":12345678901234567890,"nonce":"a<b>"} ` + "\r\n")
	got, err := ownInfo(line, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	if want := `INFO {"big":12345678901234567890,"max_payload":1048576,"nonce":"a<b>","server_id":"N"}` + "\r\n"; string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	got, err = ownInfo(line, []string{"gw:4222"}, true)
	if err != nil || !bytes.Contains(got, []byte(`"connect_urls":["gw:4222"]`)) || !bytes.Contains(got, []byte(`"tls_required":true`)) {
		t.Errorf("%s, %v", got, err)
	}
}

func TestConnectAsksForNoFurtherInfo(t *testing.T) {
	for line, want := range map[string]string{
		`CONNECT {"protocol":1,"user":"u"}`: `CONNECT {"protocol":0,"user":"u"}`,
		`connect {"Protocol": 1}`:           `CONNECT {"Protocol":0}`,
		`CONNECT {"user":"u"}`:              `CONNECT {"user":"u"}`,
		`CONNECT nonsense`:                  `CONNECT nonsense`,
		`PING`:                              `PING`,
	} {
		if got := strings.TrimSpace(string(quietConnect([]byte(line + "\r\n")))); got != want {
			t.Errorf("%s became %s", line, got)
		}
	}
}

func TestLinesSurviveAnyCutAndAreBounded(t *testing.T) {
	in := lines{from: iotest.OneByteReader(strings.NewReader("INFO {}\r\nPONG\r\nrest"))}
	for _, want := range []string{"INFO {}\r\n", "PONG\r\n"} {
		if got, err := in.next(); err != nil || string(got) != want {
			t.Errorf("%q, %v", got, err)
		}
	}
	if _, err := in.next(); !errors.Is(err, io.EOF) || string(in.rest()) != "rest" {
		t.Errorf("%v, rest %q", err, in.rest())
	}
	endless := lines{from: endlessly('x')}
	if _, err := endless.next(); !errors.Is(err, ErrStranger) || cap(endless.buffer) > longestLine {
		t.Errorf("%v with a buffer of %d", err, cap(endless.buffer))
	}
}

type endlessly byte

func (e endlessly) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(e)
	}
	return len(b), nil
}

// Whatever a backend says is either refused or becomes one line of an INFO that
// leads nobody away; whatever a client says stays one line.
func FuzzRewriting(f *testing.F) {
	for _, seed := range []string{
		`INFO {"connect_urls":["a"]}`, `INFO {"connect_urls":["a"],"connect_urls":["b"]}`, "INFO null", "INFO ", "INFO {", "info\t{}",
		`CONNECT {"protocol":1}`, `CONNECT {"PROTOCOL":1,"protocol":1}`, "CONNECT []", "CONNECT", "", "\x16\x03\x01",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		text, _, _ = bytes.Cut(text, []byte("\n"))
		line := append(bytes.Clone(text), '\n')
		if _, err := parseInfo(line); err == nil {
			own, err := ownInfo(line, nil, false)
			if err == nil && (bytes.Contains(own, []byte(`"connect_urls"`)) || bytes.Count(own, []byte("\n")) != 1 || !json.Valid(own[5:])) {
				t.Errorf("%q became %q", line, own)
			}
		}
		if quiet := quietConnect(line); bytes.Count(quiet, []byte("\n")) != 1 {
			t.Errorf("%q became %q", line, quiet)
		}
		speaksNATS(line)
	})
}

func FuzzParseBackend(f *testing.F) {
	for _, seed := range []string{"us-east=nats://h:1", "us-east=u:p@h", "a=nats://[::1]:4222,admin=http://h:8300,name=x", "=", "a=://,", "a=h:1,admin=%"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		b, err := ParseBackend(text)
		if err != nil && !errors.Is(err, ErrBackend) {
			t.Errorf("%q: %v", text, err)
		}
		if err == nil && CheckBackends([]Backend{b}) != nil {
			t.Errorf("%q gave %+v, which is refused", text, b)
		}
	})
}

func TestBackendsAreReadFromACommandLine(t *testing.T) {
	got, err := ParseBackend("us-east=nats://u:p@10.0.0.1,admin=http://10.0.0.1:8300,name=e1")
	want := Backend{Name: "e1", Region: "us-east", NATS: "10.0.0.1:4222", User: "u", Password: "p", Admin: "http://10.0.0.1:8300"}
	if err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	for _, bad := range []string{"", "nats://h:1", "US=nats://h:1", "a=http://h:1", "a=nats://", "a=h:1,weight=3", "a=h:1,admin=h:8300", "a=h:99999x"} {
		if b, err := ParseBackend(bad); !errors.Is(err, ErrBackend) {
			t.Errorf("%q: %+v, %v", bad, b, err)
		}
	}
	if _, err := ParseBackend("a=nats://user:se cret@h:1"); err == nil || strings.Contains(err.Error(), "cret") {
		t.Errorf("a password is in the message: %v", err)
	}
}

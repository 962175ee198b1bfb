package client

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"geomq/geo"
)

// Text writes r as one line for people, without a line end:
//
//	us-east  12,345  orders.created.Foo  age 3.1 ms  {"page":"Foo"}
//
// A body that is no text is described by its size. Characters that a terminal
// would act on are escaped. A width above 0 is the most characters of body that
// are shown.
func (r Received) Text(width int) string {
	from := string(r.Origin)
	if from == "" {
		from = r.Stream
	}
	columns := []string{from, Thousands(uint64(r.Offset)), visible(r.Subject), "age " + Short(r.Age()), r.bodyText(width)}
	if r.Damage != nil {
		columns = append(columns, "damaged: "+r.Damage.Error())
	}
	return strings.Join(columns, "  ")
}

func (r Received) bodyText(width int) string {
	if !utf8.Valid(r.Body) || strings.ContainsRune(string(r.Body), 0) {
		return fmt.Sprintf("(%s bytes, not text)", Thousands(uint64(len(r.Body))))
	}
	text := visible(string(r.Body))
	if width > 0 && utf8.RuneCountInString(text) > width {
		text = string([]rune(text)[:width]) + "…"
	}
	return text
}

// visible escapes the characters that are not printable, line ends included.
func visible(text string) string {
	if !strings.ContainsFunc(text, hidden) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if hidden(r) {
			quoted := strconv.QuoteRune(r)
			b.WriteString(quoted[1 : len(quoted)-1])
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

func hidden(r rune) bool { return !strconv.IsPrint(r) }

// receivedJSON is the form of Received.JSON.
type receivedJSON struct {
	Origin  geo.Region          `json:"origin,omitempty"`
	Stream  string              `json:"stream"`
	Offset  geo.Offset          `json:"offset"`
	Time    time.Time           `json:"time"`
	Age     float64             `json:"age_seconds"`
	Subject string              `json:"subject"`
	MsgID   string              `json:"msg_id,omitempty"`
	Replica bool                `json:"replica"`
	Header  map[string][]string `json:"headers,omitempty"`
	Block   []byte              `json:"header_block_base64,omitempty"`
	Body    *string             `json:"body,omitempty"`
	Binary  []byte              `json:"body_base64,omitempty"`
	Damage  string              `json:"damage,omitempty"`
}

// JSON writes r as one JSON object on one line, without a line end. The body
// stands in "body", or in "body_base64" where it is not UTF-8.
func (r Received) JSON() ([]byte, error) {
	out := receivedJSON{
		Origin: r.Origin, Stream: r.Stream, Offset: r.Offset, Time: r.Time.UTC(), Age: r.Age().Seconds(),
		Subject: r.Subject, MsgID: r.MsgID, Replica: r.Replica, Header: r.Header, Block: r.HeaderBlock,
	}
	if utf8.Valid(r.Body) {
		body := string(r.Body)
		out.Body = &body
	} else {
		out.Binary = r.Body
	}
	if r.Damage != nil {
		out.Damage = r.Damage.Error()
	}
	return json.Marshal(out)
}

// Thousands writes n with a comma between thousands, e.g. "12,345".
func Thousands(n uint64) string {
	digits := strconv.FormatUint(n, 10)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// Short writes a duration with two digits that matter and a space before the
// unit, e.g. "3.1 ms", "42 s", "5 min", "3 h", "2 d".
func Short(d time.Duration) string {
	if d < 0 {
		return "-" + Short(-d)
	}
	for _, u := range units {
		if d >= u.size {
			return shortNumber(float64(d)/float64(u.size)) + " " + u.name
		}
	}
	return "0 ms"
}

var units = []struct {
	size time.Duration
	name string
}{
	{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "min"},
	{time.Second, "s"}, {time.Millisecond, "ms"}, {time.Microsecond, "µs"},
}

func shortNumber(x float64) string {
	if x < 9.95 {
		return strconv.FormatFloat(x, 'f', 1, 64)
	}
	return strconv.FormatFloat(x, 'f', 0, 64)
}

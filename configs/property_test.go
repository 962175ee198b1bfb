package configs

import (
	"math"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"geomq/geo"
	"pgregory.net/rapid"
)

func TestBytesReadBackWhatTheyWrite(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		unit := rapid.SampledFrom(byteUnits).Draw(t, "unit").bytes
		most := int64(math.MaxInt64 / unit)
		b := Bytes(rapid.Int64Range(-most, most).Draw(t, "n")) * unit
		checkBytes(t, b)
	})
	for _, b := range []Bytes{0, math.MaxInt64, math.MinInt64, 1023, 1024, 10e9} {
		checkBytes(t, b)
	}
}

func checkBytes(t interface{ Errorf(string, ...any) }, b Bytes) {
	if got, err := ParseBytes(b.String()); got != b || err != nil {
		t.Errorf("%d is written %q and read back as %d, %v", int64(b), b, int64(got), err)
	}
}

func TestDurationsReadBackWhatTheyWrite(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		unit := rapid.SampledFrom([]time.Duration{1, time.Microsecond, time.Millisecond, time.Second, time.Minute, time.Hour, day, week}).Draw(t, "unit")
		most := int64(math.MaxInt64 / unit)
		checkDuration(t, Duration(rapid.Int64Range(-most, most).Draw(t, "n"))*Duration(unit))
	})
	for _, d := range []Duration{0, math.MaxInt64, math.MinInt64} {
		checkDuration(t, d)
	}
}

func checkDuration(t interface{ Errorf(string, ...any) }, d Duration) {
	if got, err := ParseDuration(d.String()); got != d || err != nil {
		t.Errorf("%d is written %q and read back as %d, %v", int64(d), d, int64(got), err)
	}
}

func TestUnitsMeanWhatTheySay(t *testing.T) {
	for text, want := range map[string]Bytes{
		"0": 0, "1500": 1500, "17B": 17, "1KiB": 1024, "1kB": 1000, "2KB": 2000, "3MiB": 3 << 20, "3MB": 3e6,
		"4GiB": 4 << 30, "10GB": 10e9, "5TiB": 5 << 40, "5TB": 5e12, "16 MiB": 16 << 20, "-1KiB": -1024,
	} {
		if got, err := ParseBytes(text); got != want || err != nil {
			t.Errorf("%q is %d, %v, want %d", text, int64(got), err, int64(want))
		}
	}
	for text, want := range map[string]time.Duration{
		"1w": 7 * 24 * time.Hour, "7d": 7 * 24 * time.Hour, "1d12h": 36 * time.Hour, "1h30m": 90 * time.Minute, "0.5d": 12 * time.Hour,
		"1.5s": 1500 * time.Millisecond, "100ms": 100 * time.Millisecond, "3us": 3000, "3µs": 3000, "0s": 0, "-2m": -2 * time.Minute,
	} {
		if got, err := ParseDuration(text); time.Duration(got) != want || err != nil {
			t.Errorf("%q is %v, %v, want %v", text, got, err, want)
		}
	}
	for d, want := range map[time.Duration]string{7 * day: "7d", 36 * time.Hour: "36h", 2 * time.Minute: "2m", 90 * time.Minute: "1h30m",
		time.Hour + time.Second: "1h0m1s", 10 * time.Minute: "10m", 0: "0s", 100 * time.Millisecond: "100ms"} {
		if got := Duration(d).String(); got != want {
			t.Errorf("%v is written %q, want %q", d, got, want)
		}
	}
	for _, text := range []string{"", "-", "s", "5", "1d2", "1.2.3s", ".s", "5D", "5 m", "--5s", "106752d", "106751d106751d", "106751d23h47m16.854775808s", "1e3s", "12:30"} {
		if d, err := ParseDuration(text); err == nil {
			t.Errorf("%q was read as the duration %v", text, d)
		}
	}
	for _, text := range []string{"", "-", "MiB", "16mib", "1.5GiB", "+5", "5  B", "1_000", "0x10", "1 MiB x"} {
		if b, err := ParseBytes(text); err == nil {
			t.Errorf("%q was read as the size %v", text, b)
		}
	}
}

func TestMarshalReadsBackEqual(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawConfig(t)
		data, err := c.Marshal()
		if err != nil {
			t.Fatalf("a valid configuration is not written: %v", err)
		}
		back, err := Parse(data)
		if err != nil {
			t.Fatalf("what was written is refused: %v\n%s", err, data)
		}
		c.FillDefaults()
		if !reflect.DeepEqual(*back, c) {
			t.Fatalf("read back\n%#v\nwritten\n%#v\n%s", *back, c, data)
		}
	})
}

func TestMarshalLeavesItsConfigAlone(t *testing.T) {
	c := Defaults()
	c.Region, c.Data, c.Logs = "us-east", "d", []Log{{Name: "A", Topics: []geo.Topic{"a"}}}
	if _, err := c.Marshal(); err != nil {
		t.Fatal(err)
	}
	if c.Node != "" || c.Logs[0].Mode != "" {
		t.Errorf("writing changed the configuration: %+v", c)
	}
	c.Data = ""
	if _, err := c.Marshal(); err == nil {
		t.Error("a configuration without a data folder was written")
	}
}

// drawConfig makes a valid Config, with and without its defaults filled in.
func drawConfig(t *rapid.T) Config {
	c := Defaults()
	c.Regions = rapid.SliceOfNDistinct(rapid.Map(rapid.StringMatching(`[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?`), region), 1, 5, rapid.ID[geo.Region]).
		Filter(func(rs []geo.Region) bool { return parseable(rs, geo.ParseRegion) }).Draw(t, "regions")
	c.Region = rapid.SampledFrom(c.Regions).Draw(t, "region")
	c.Node = rapid.SampledFrom([]string{"", "n1", "007", "true", "null", "1e5"}).Draw(t, "node")
	c.Data = rapid.OneOf(rapid.StringN(1, 50, 200), rapid.SampledFrom([]string{"~x", "a: b", "# c", "- d", "\n x", "é\u2028\ufeff", "true"})).
		Filter(func(s string) bool {
			return utf8.ValidString(s) && !strings.ContainsRune(s, 0) && !strings.HasPrefix(s, "~")
		}).Draw(t, "data")
	c.Insecure = true
	port := rapid.SampledFrom([]string{"127.0.0.1:0", "[::1]:0", "localhost:0", "host.example.com:0"})
	c.Listen.NATS, c.Listen.Admin = port.Draw(t, "nats"), port.Draw(t, "admin")
	c.Gossip.Join = rapid.SampledFrom([][]string{nil, {}, {"a:1", "[2001:db8::1]:7946"}}).Draw(t, "join")
	c.Gossip.Key = "MDEyMzQ1Njc4OWFiY2RlZg=="
	if rapid.Bool().Draw(t, "key in a file") {
		c.Gossip.Key, c.Gossip.KeyFile = "", "~/some key.txt"
	}
	if c.Broker.Brokers = rapid.IntRange(1, 5).Draw(t, "brokers"); c.Broker.Brokers > 1 {
		c.Broker.Routes = []string{"10.0.0.2:6222"}
	}
	c.Broker.MaxPayload = Bytes(rapid.Int64Range(int64(minPayload), int64(maxPayload)).Draw(t, "payload"))
	c.Broker.MaxStore = Bytes(rapid.Int64Min(0).Draw(t, "store"))
	c.Link.Credit = Bytes(rapid.Int64Range(int64(minCredit), int64(maxCredit)).Draw(t, "credit"))
	c.Link.Frame = Bytes(rapid.Int64Range(int64(minFrame), int64(maxFrame)).Draw(t, "frame"))
	c.Link.Compression = rapid.SampledFrom([]Compression{CompressionZstd, CompressionS2, CompressionNone}).Draw(t, "compression")
	c.Link.Heartbeat = drawSpan(t, minHeartbeat, maxHeartbeat)
	c.Link.Via = drawVia(t, &c)
	for i := range rapid.IntRange(0, 4).Draw(t, "logs") {
		c.Logs = append(c.Logs, drawLog(t, &c, string(rune('a'+i))))
	}
	if rapid.Bool().Draw(t, "filled") {
		c.FillDefaults()
	}
	return c
}

func drawVia(t *rapid.T, c *Config) map[geo.Region]string {
	if !rapid.Bool().Draw(t, "via") {
		return nil
	}
	via := map[geo.Region]string{}
	for _, r := range c.Regions {
		if r != c.Region && rapid.Bool().Draw(t, "by detour") {
			via[r] = rapid.SampledFrom([]string{"tunnel:1", "10.0.0.9:4222", "[2001:db8::1]:4222"}).Draw(t, "detour")
		}
	}
	return via
}

func drawLog(t *rapid.T, c *Config, letter string) Log {
	l := Log{Name: geo.LogName(letter + rapid.StringMatching(`[A-Za-z_]{0,10}`).Draw(t, "name"))}
	l.Topics = []geo.Topic{geo.Topic(letter + ".>")}
	if rapid.Bool().Draw(t, "topics") {
		odd := rapid.StringMatching(`[a-z#:"'{}&*!|%é\x{2028}\x{85}-]{2,12}`)
		l.Topics = rapid.SliceOfNDistinct(rapid.Map(odd, func(s string) geo.Topic { return geo.Topic(letter + "." + s) }), 1, 4, rapid.ID[geo.Topic]).Draw(t, "odd topics")
	}
	if rapid.Bool().Draw(t, "some regions") {
		l.Regions = []geo.Region{rapid.SampledFrom(c.Regions).Draw(t, "region")}
	}
	l.Mode = rapid.SampledFrom([]Mode{"", ModeSingle}).Draw(t, "mode")
	l.Flush = rapid.SampledFrom([]Flush{"", FlushAsync, FlushSync}).Draw(t, "flush")
	if rapid.Bool().Draw(t, "window") {
		l.DedupeWindow = drawSpan(t, minDedupe, maxDedupe)
	} else if rapid.Bool().Draw(t, "age") {
		l.Retention.MaxAge = drawSpan(t, minMaxAge, 1000*day)
	}
	l.Retention.MaxBytes = Bytes(rapid.Int64Min(0).Draw(t, "bytes"))
	l.Retention.MaxEntries = rapid.Int64Min(0).Draw(t, "entries")
	return l
}

func drawSpan(t *rapid.T, least, most time.Duration) time.Duration {
	return time.Duration(rapid.Int64Range(int64(least), int64(most)).Draw(t, "span"))
}

func region(s string) geo.Region { return geo.Region(s) }

func parseable[T ~string](all []T, parse func(string) (T, error)) bool {
	for _, one := range all {
		if _, err := parse(string(one)); err != nil {
			return false
		}
	}
	return true
}

// The tree must find exactly what comparing every pair finds.
func TestTheTopicTreeAgreesWithComparingPairs(t *testing.T) {
	token := rapid.SampledFrom([]string{"a", "b", "*"})
	topic := rapid.Custom(func(t *rapid.T) geo.Topic {
		tokens := append([]string{rapid.SampledFrom([]string{"a", "b"}).Draw(t, "first")}, rapid.SliceOfN(token, 0, 3).Draw(t, "tokens")...)
		if rapid.Bool().Draw(t, "rest") {
			tokens = append(tokens, ">")
		}
		return geo.Topic(strings.Join(tokens, "."))
	})
	rapid.Check(t, func(t *rapid.T) {
		topics := rapid.SliceOfN(topic, 1, 12).Draw(t, "topics")
		tree := newTopicTree()
		for i, one := range topics {
			want := none
			for j := i - 1; j >= 0; j-- {
				if one.Overlaps(topics[j]) {
					want = j
				}
			}
			if got := tree.add(one, i); got != want {
				t.Fatalf("%q overlaps first with number %d, the tree says %d of %q", one, want, got, topics)
			}
		}
	})
}

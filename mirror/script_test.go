package mirror

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"geomq/geo"
	"geomq/geo/entry"
)

var update = flag.Bool("update", false, "rewrite the scripts in testdata with what the state machines do")

// TestScriptsOfTheSink and TestScriptsOfTheSource play testdata/*/*.txt. A script
// holds events, one a line, each followed by the actions expected, indented. A
// line that begins with # is a comment.
func TestScriptsOfTheSink(t *testing.T) {
	playAll(t, "sink", func() player { return &sinkPlayer{} })
}

func TestScriptsOfTheSource(t *testing.T) {
	playAll(t, "source", func() player { return &sourcePlayer{machine: NewSource()} })
}

type player interface{ play(line words) []Action }

func playAll(t *testing.T, folder string, begin func() player) {
	paths, err := filepath.Glob(filepath.Join("testdata", folder, "*.txt"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no scripts in testdata/%s (%v)", folder, err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			script, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(string(script), "# ") {
				t.Error("the script does not begin by telling its story")
			}
			got := play(string(script), begin())
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			compareLines(t, got, string(script))
		})
	}
}

func play(script string, p player) string {
	var out strings.Builder
	for line := range strings.Lines(script) {
		line = strings.TrimRight(line, "\n")
		if strings.HasPrefix(line, "  ") {
			continue
		}
		fmt.Fprintln(&out, line)
		if line == "" || line[0] == '#' {
			continue
		}
		for _, action := range p.play(parse(line)) {
			fmt.Fprintln(&out, "  "+describe(action))
		}
	}
	return out.String()
}

func compareLines(t *testing.T, got, want string) {
	t.Helper()
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(g), len(w)) {
		if i >= len(g) || i >= len(w) || g[i] != w[i] {
			t.Fatalf("line %d differs; the machine did:\n%s\nthe script says:\n%s", i+1, strings.Join(g[min(i, len(g)):], "\n"), strings.Join(w[min(i, len(w)):], "\n"))
		}
	}
}

// words is a line taken apart: words in order, and name=value pairs.
type words struct {
	list  []string
	named map[string]string
}

func parse(line string) words {
	w := words{named: map[string]string{}}
	for field := range strings.FieldsSeq(line) {
		if name, value, ok := strings.Cut(field, "="); ok {
			w.named[name] = value
		} else {
			w.list = append(w.list, field)
		}
	}
	return w
}

func (w words) at(i int) string {
	if i >= len(w.list) {
		panic(fmt.Sprintf("word %d is missing in %v", i, w.list))
	}
	return w.list[i]
}

func (w words) text(name, otherwise string) string {
	if value, ok := w.named[name]; ok {
		return value
	}
	return otherwise
}

func (w words) number(name string, otherwise uint64) uint64 {
	if value, ok := w.named[name]; ok {
		return number64(value)
	}
	return otherwise
}

func (w words) offset(name string, otherwise uint64) geo.Offset {
	return geo.Offset(w.number(name, otherwise))
}

func (w words) epochs(name string) geo.Epochs {
	table, err := geo.ParseEpochs(w.text(name, "1:0:1"))
	if err != nil && table == nil {
		panic(err)
	}
	return table
}

func (w words) duration(name, otherwise string) time.Duration {
	return duration(w.text(name, otherwise))
}

// digest is a Digest that begins with the letters given, nil without any.
func (w words) digest(name string) *entry.Digest {
	text, ok := w.named[name]
	if !ok {
		return nil
	}
	var d entry.Digest
	copy(d[:], text)
	return &d
}

func duration(text string) time.Duration {
	d, err := time.ParseDuration(text)
	if err != nil {
		panic(err)
	}
	return d
}

func number64(text string) uint64 {
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		panic(err)
	}
	return n
}

// span reads "11..14".
func span(text string) (first geo.Offset, count uint32) {
	a, b, ok := strings.Cut(text, "..")
	if !ok {
		b = a
	}
	return geo.Offset(number64(a)), uint32(number64(b)-number64(a)) + 1
}

func (w words) frame(word int) *Frame {
	first, count := span(w.at(word))
	return &Frame{First: first, Count: count, Raw: uint32(w.number("raw", 100)), Codec: Zstd}
}

// message reads a message of either side.
func (w words) message() Message {
	session := Session(w.number("session", 7))
	head := Head{First: w.offset("first", 1), Last: w.offset("last", 0)}
	switch w.at(0) {
	case "welcome":
		return &Welcome{Session: session, Version: int(w.number("version", 2)), Holder: geo.Region(w.text("holder", "us-east")), From: w.offset("from", 1), Head: head,
			Codec: w.text("codec", "zstd"), Epochs: w.epochs("epochs")}
	case "refusal":
		return &Refusal{Session: session, Cause: Cause(w.at(1)), Text: strings.Join(w.list[2:], " ")}
	case "frame":
		f := w.frame(2)
		f.Session, f.Number = session, number64(w.at(1))
		return f
	case "seal":
		block := number64(w.at(1))
		return &SealNote{Session: session, From: geo.Block(w.number("from", block)), Seal: geo.Seal{Block: geo.Block(block)}}
	case "beat":
		return &Beat{Session: session, Frames: w.number("frames", 0), Sealed: geo.Block(w.number("sealed", 0)), Head: head}
	case "credit":
		return &Credit{Session: session, Granted: w.number("granted", 0), Applied: w.offset("applied", 0)}
	case "hole":
		first, count := span(w.at(2))
		return &Hole{Session: session, Number: number64(w.at(1)), First: first, Last: first + geo.Offset(count) - 1, Why: w.why()}
	case "deletion":
		return &DeletionNote{Session: session, Number: number64(w.at(1)), Deletion: deletions(w.at(2))[0]}
	case "bye":
		return &Bye{Session: session, Cause: Cause(w.at(1))}
	case "hello":
		return w.hello(session)
	}
	panic("no event " + w.at(0))
}

func (w words) why() Why {
	for why := range whyNames {
		if whyNames[why] == w.text("why", "epochs") {
			return Why(why)
		}
	}
	panic("no reason for a hole: " + w.text("why", ""))
}

// deletions reads "1:12+13,2:40": numbers, each with the offsets it names.
func deletions(text string) (all []geo.Deletion) {
	if text == "" {
		return nil
	}
	for part := range strings.SplitSeq(text, ",") {
		number, offsets, ok := strings.Cut(part, ":")
		if !ok {
			panic("no deletion: " + part)
		}
		d := geo.Deletion{Number: number64(number)}
		for o := range strings.SplitSeq(offsets, "+") {
			d.Offsets = append(d.Offsets, geo.Offset(number64(o)))
			d.Digests = append(d.Digests, [16]byte{1})
		}
		d.Block = geo.BlockOf(d.Offsets[0])
		all = append(all, d)
	}
	return all
}

// deleted are the offsets that deletions name, behind number the last of them.
func (w words) deleted() (offsets Offsets, number uint64) {
	for _, d := range deletions(w.text("deleted", "")) {
		for _, o := range d.Offsets {
			offsets.add(o)
		}
		number = d.Number
	}
	return offsets, number
}

// ranges reads "12..13,40".
func (w words) ranges(name string) (set geo.Ranges) {
	if text := w.text(name, ""); text != "" {
		for part := range strings.SplitSeq(text, ",") {
			first, count := span(part)
			set = set.Add(geo.Range{First: first, Last: first + geo.Offset(count) - 1})
		}
	}
	return set
}

func (w words) hello(session Session) *Hello {
	h := &Hello{Session: session, MinVersion: int(w.number("min", 1)), MaxVersion: int(w.number("max", 2)), Log: w.text("log", "ORDERS@us-east"), To: "eu-west",
		From: w.offset("from", 0), Last: w.digest("digest"), Unsealed: geo.Block(w.number("unsealed", 0)), Credit: w.number("credit", 1000), MaxEntry: int64(w.number("max_entry", 0)),
		Frame: int(w.number("frame", 65536)), Codecs: strings.Split(w.text("codecs", "zstd"), ","), Heartbeat: w.duration("heartbeat", "1s"), Deletions: w.number("deletions", 0), Gaps: w.ranges("gaps")}
	if h.From > 0 {
		h.Epochs = w.epochs("epochs")
	}
	return h
}

// common plays the events that both machines know.
func (w words) common() Event {
	switch w.at(0) {
	case "tick":
		return Tick{duration(w.at(1))}
	case "fail":
		return Failed{Cause(w.at(1)), strings.Join(w.list[2:], " ")}
	}
	return Received{w.message()}
}

type sinkPlayer struct{ machine *Sink }

func (p *sinkPlayer) play(line words) []Action {
	switch line.at(0) {
	case "sink":
		log, err := geo.ParseCommitLog(line.text("log", "ORDERS@us-east"))
		if err != nil {
			panic(err)
		}
		p.machine = NewSink(SinkConfig{Session: 7, Log: log, To: "eu-west", Credit: line.number("credit", 1000), Frame: 65536,
			Codecs: []string{"zstd"}, Heartbeat: line.duration("heartbeat", "1s"), Answer: line.duration("answer", "800ms")})
		return nil
	case "start":
		stand := Stand{}
		if len(line.list) == 1 { // not "start new"
			stand = Stand{Exists: true, Last: line.offset("last", 0), Digest: line.digest("digest"), Epochs: line.epochs("epochs"), Unsealed: geo.Block(line.number("unsealed", 0)),
				Gaps: line.ranges("gaps"), Surplus: line.text("surplus", "") != ""}
			stand.Deleted, stand.Deletions = line.deleted()
		}
		return p.machine.Step(Start{stand})
	case "renewed":
		return p.machine.Step(Renewed{})
	case "applied":
		return p.machine.Step(Applied{geo.Offset(number64(line.at(1))), line.number("deletions", 0)})
	}
	return p.machine.Step(line.common())
}

type sourcePlayer struct {
	machine *Source
	hello   *Hello
}

func (p *sourcePlayer) play(line words) []Action {
	switch line.at(0) {
	case "asked":
		p.hello = line.hello(Session(line.number("session", 7)))
		return nil
	case "held":
		held := Held{Region: geo.Region(line.text("in", "us-east")), MaxEntry: int64(line.number("max_entry", 0))}
		switch line.list = append(line.list, ""); line.at(1) {
		case "nothing":
		case "unknown":
			held.Problem = "the broker is down"
		default:
			held.Exists, held.Extent, held.Digest = true, line.extent(), line.digest("digest")
			held.Deleted, held.LastDeletion = line.deleted()
			for _, d := range deletions(line.text("deleted", "")) {
				if d.Number > p.hello.Deletions {
					held.Deletions = append(held.Deletions, d)
				}
			}
		}
		return p.machine.Step(Opened{p.hello, held})
	case "packed":
		return p.machine.Step(Packed{line.frame(1)})
	case "headed":
		return p.machine.Step(Headed{line.extent(), deletions(line.text("deleted", ""))})
	case "brought":
		return p.machine.Step(Brought{number64(line.at(1))})
	case "sealed":
		var seals []geo.Seal
		for _, block := range line.list[1:] {
			seals = append(seals, geo.Seal{Block: geo.Block(number64(block))})
		}
		return p.machine.Step(Sealed{seals})
	}
	return p.machine.Step(line.common())
}

func (w words) extent() geo.Extent {
	return geo.Extent{First: w.offset("first", 1), Last: w.offset("last", 0), Epochs: w.epochs("epochs")}
}

func describe(action Action) string {
	switch a := action.(type) {
	case Send:
		return "send " + describeMessage(a.Message)
	case End:
		return fmt.Sprintf("end %s: %s", a.Cause, a.Text)
	case Adopt:
		if !a.Exists {
			return fmt.Sprintf("create replica from=%d epochs=%s", a.From, a.Epochs)
		}
		text := fmt.Sprintf("open replica from=%d epochs=%s", a.From, a.Epochs)
		if a.Mend {
			text += " mending it"
		}
		return text
	case Renew:
		return fmt.Sprintf("renew epochs=%s retire=%s last=%d", a.Epochs, a.Retire, a.Last)
	case Apply:
		text := fmt.Sprintf("apply %d..%d skip=%d", a.Frame.First, a.Frame.Last(), a.Skip)
		for _, r := range a.Without {
			text += fmt.Sprintf(" without=%s", r)
		}
		return text
	case Leave:
		return fmt.Sprintf("leave %d..%d why=%s", a.First, a.Last, a.Why)
	case Delete:
		return fmt.Sprintf("delete %d: %v", a.Deletion.Number, a.Deletion.Offsets)
	case Check:
		return fmt.Sprintf("check block %d", a.Seal.Block)
	case Trim:
		return fmt.Sprintf("trim before %d", a.First)
	case Read:
		return fmt.Sprintf("read from=%d codec=%s frame=%d", a.From, a.Codec, a.Frame)
	case Look:
		if a.After > 0 {
			return fmt.Sprintf("look, deletions behind %d", a.After)
		}
		return "look"
	case Seek:
		return fmt.Sprintf("seek seals %d..%d", a.First, a.Last)
	}
	return fmt.Sprintf("%T", action)
}

func describeMessage(m Message) string {
	switch m := m.(type) {
	case *Hello:
		text := fmt.Sprintf("hello %s to=%s from=%d unsealed=%d epochs=%s credit=%d", m.Log, m.To, m.From, m.Unsealed, m.Epochs, m.Credit)
		if m.Last != nil {
			text += " digest=" + strings.TrimRight(string(m.Last[:]), "\x00")
		}
		if m.Deletions > 0 {
			text += fmt.Sprintf(" deletions=%d", m.Deletions)
		}
		if len(m.Gaps) > 0 {
			text += fmt.Sprintf(" gaps=%v", m.Gaps)
		}
		return text
	case *Welcome:
		return fmt.Sprintf("welcome version=%d from=%d first=%d last=%d codec=%s epochs=%s", m.Version, m.From, m.Head.First, m.Head.Last, m.Codec, m.Epochs)
	case *Refusal:
		return fmt.Sprintf("refusal %s: %s", m.Cause, m.Text)
	case *Frame:
		return fmt.Sprintf("frame %d: %d..%d raw=%d session=%d", m.Number, m.First, m.Last(), m.Raw, m.Session)
	case *Hole:
		return fmt.Sprintf("hole %d: %d..%d why=%s session=%d", m.Number, m.First, m.Last, m.Why, m.Session)
	case *DeletionNote:
		return fmt.Sprintf("deletion %d: number %d of %v session=%d", m.Number, m.Deletion.Number, m.Deletion.Offsets, m.Session)
	case *SealNote:
		return fmt.Sprintf("seal %d from=%d", m.Seal.Block, m.From)
	case *Beat:
		return fmt.Sprintf("beat frames=%d sealed=%d first=%d last=%d", m.Frames, m.Sealed, m.Head.First, m.Head.Last)
	case *Credit:
		return fmt.Sprintf("credit granted=%d applied=%d", m.Granted, m.Applied)
	case *Bye:
		return fmt.Sprintf("bye %s", m.Cause)
	}
	return fmt.Sprintf("%T", m)
}

package importer

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"geomq/geo"
)

// simpleLog is a log that takes lines, forgets answers and refuses at will, in
// the way of JetStream: an id that it has is a duplicate.
type simpleLog struct {
	at    map[int]geo.Offset
	order []int
}

func (l *simpleLog) take(line int) (geo.Offset, bool) {
	if offset, there := l.at[line]; there {
		return offset, true
	}
	l.order = append(l.order, line)
	l.at[line] = geo.Offset(len(l.order))
	return l.at[line], false
}

// Whatever is lost, a suffix at a time as connections lose it, each line enters
// the log once and in order, and the flight ends up empty.
func TestAFlightThatLosesSuffixesKeepsTheOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f, log := newFlight(), &simpleLog{at: map[int]geo.Offset{}}
		total := rapid.IntRange(1, 60).Draw(t, "lines")
		read := 0
		for steps := 0; read < total || f.len() > 0; steps++ {
			for read < total && f.len() < 8 {
				read++
				f.add(read, "s", []byte("body"))
			}
			var out []*parcel
			for p := f.peek(); p != nil; p = f.peek() {
				f.sent(time.Unix(int64(steps), 0), geo.Offset(len(log.order)))
				out = append(out, p)
			}
			arrive := rapid.IntRange(0, len(out)).Draw(t, "arrive")
			for i, p := range out[:arrive] {
				offset, _ := log.take(p.line)
				if p.behind >= offset {
					t.Fatalf("line %d lies at %d, not behind %d", p.line, offset, p.behind)
				}
				if rapid.IntRange(0, 3).Draw(t, "lost") > 0 || i == 0 {
					f.settle(p)
				}
			}
			f.rewind()
		}
		for i, line := range log.order {
			if line != i+1 {
				t.Fatalf("the log holds line %d at offset %d", line, i+1)
			}
		}
		if f.out != 0 || f.bytes != 0 || len(log.order) != total {
			t.Fatalf("left: %d out, %d bytes; %d of %d lines", f.out, f.bytes, len(log.order), total)
		}
	})
}

// fly sends lines 1 to n with subjects "s1", "s2", "s1", …
func fly(n int) (*flight, []*parcel) {
	f := newFlight()
	var sent []*parcel
	for line := 1; line <= n; line++ {
		f.add(line, fmt.Sprintf("s%d", 2-line%2), []byte{byte(line)})
		sent = append(sent, f.peek())
		f.sent(time.Unix(0, 0), 0)
	}
	return f, sent
}

func TestALineThatALaterOneOfItsSubjectPassesIsOvertaken(t *testing.T) {
	f, sent := fly(6)
	f.settle(sent[0])
	f.refuse(sent[1], f.attempt) // s2
	f.refuse(sent[2], f.attempt) // s1
	f.settle(sent[5])            // s2
	f.rewind()
	if !sent[1].overtaken || !sent[3].overtaken || sent[2].overtaken || sent[4].overtaken {
		t.Fatalf("overtaken: %v %v %v %v", sent[1].overtaken, sent[2].overtaken, sent[3].overtaken, sent[4].overtaken)
	}
	if got := f.peek(); got != sent[1] {
		t.Fatalf("goes on with line %d", got.line)
	}
}

func TestAnswersToAnEarlierAttempt(t *testing.T) {
	f, sent := fly(3)
	f.rewind()
	f.sent(time.Unix(1, 0), 0) // line 1 again
	if f.refuse(sent[0], 1) {
		t.Fatal("an old refusal counts")
	}
	f.settle(sent[1]) // an old acknowledgement counts
	if f.out != 1 || f.peek() != sent[2] {
		t.Fatalf("%d out, next %+v", f.out, f.peek())
	}
	if f.find(sent[1].serial) != nil || f.openLine(2) != nil || f.openLine(3) != sent[2] || f.openLine(4) != nil {
		t.Fatal("a settled line is found, or an open one is not")
	}
	f.settle(sent[0])
	if f.out != 0 || f.len() != 1 || f.find(sent[0].serial) != nil {
		t.Fatalf("%d out, %d open", f.out, f.len())
	}
}

func TestDoubtIsAboutLinesThatWereSentLongAgo(t *testing.T) {
	f, sent := fly(1)
	f.add(2, "s", nil)
	if f.doubtful(time.Unix(100, 0)) {
		t.Fatal("a line that was never sent is in doubt")
	}
	f.rewind()
	if f.doubtful(time.Unix(0, 0)) || !f.doubtful(time.Unix(0, 1)) {
		t.Fatal("doubt begins at another time than that of the sending")
	}
	f.searched(time.Unix(50, 0))
	if f.doubtful(time.Unix(50, 0)) || !f.doubtful(time.Unix(51, 0)) {
		t.Fatal("a search does not clear the doubt for its time")
	}
	f.settle(sent[0])
	if f.behind() != 0 || f.doubtful(time.Unix(100, 0)) {
		t.Fatal("a line that was never sent is in doubt after a search")
	}
}

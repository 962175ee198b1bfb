package admin

import (
	"strings"
	"testing"
	"time"

	"geomq/geo"
)

// lacks adds a link that is halted since nobody has ranges.
func lacks(region geo.Region, cause string, ranges ...geo.Range) func(*Status) {
	return func(s *Status) {
		halted(region, cause)(s)
		l := &s.Links[len(s.Links)-1]
		l.Missing, l.Since, l.Reason = ranges, s.At.Add(-3*time.Minute), "the origin begins at 10"
	}
}

func disk(d Disk) func(*Status) { return func(s *Status) { s.Disks = append(s.Disks, d) } }

func TestWhatAPersonShouldSeeTo(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	at := func(s *Status) { s.At = now }
	opening := func(l *Log) {
		l.State = LogOpening
		l.Opening = &Opening{State: "asking", Text: "ORDERS@us-east is closed: its tail may be lost. It waits for eu-west and ap-south.", Silent: []geo.Region{"eu-west", "ap-south"}, Until: now.Add(18 * time.Second)}
	}
	for name, c := range map[string]struct {
		status Status
		grave  bool
		text   string
	}{
		"all well": {three(at, held("us-east", 9), held("eu-west", 9)), false, ""},
		"retention overtook a replica": {three(at, held("us-east", 19), held("ap-south", 19), held("eu-west", 4, in(LogHalted)), lacks("eu-west", "trimmed", geo.Range{First: 5, Last: 9})), true,
			"the replica of ORDERS@us-east in eu-west has stopped 3 min ago (trimmed): the origin begins at 10; nobody that was asked has offsets 5…9: bring back a region that has them, or go on without them: geomq link accept-gap ORDERS@us-east --region eu-west"},
		"a replica that contradicts": {three(at, held("us-east", 9), held("ap-south", 9), halted("eu-west", "conflict")), true,
			"the replica of ORDERS@us-east in eu-west has stopped (conflict); compare the holders: geomq verify ORDERS@us-east; see what a repair would do: geomq log repair ORDERS@us-east --region eu-west --dry-run"},
		"versions": {three(at, halted("eu-west", "version")), true, "the replica of ORDERS@us-east in eu-west has stopped (version); upgrade the older node: geomq region ls"},
		"unfit":    {three(at, halted("eu-west", "refused")), true, "the replica of ORDERS@us-east in eu-west has stopped (refused); mend what the reason names, or rebuild the replica: geomq log repair ORDERS@us-east --region eu-west --dry-run"},
		"opening": {three(at, held("us-east", 9, opening), held("eu-west", 9)), true,
			"ORDERS@us-east is closed: its tail may be lost. It waits for eu-west and ap-south. Producers are refused in us-east until then, for 18 s more at most"},
		"opening, just begun": {three(at, held("us-east", 9, in(LogOpening)), held("eu-west", 9)), true, "ORDERS@us-east is not open yet in us-east, producers are refused"},
		"fenced": {three(at, held("us-east", 9, in(LogFenced), func(l *Log) { l.Fenced = "the disk of n1 is full" }), held("eu-west", 9)), true,
			"ORDERS@us-east is fenced in us-east, producers are refused: the disk of n1 is full"},
		"an origin without its broker":     {three(at, held("us-east", 0, in(LogWaiting))), true, "ORDERS@us-east is not ready in us-east, producers are refused"},
		"a replica that is yet to be made": {three(at, held("us-east", 0), held("eu-west", 0, in(LogWaiting))), false, ""},
		"a stream that is none of ours":    {three(at, held("eu-west", 0, in(LogConflict))), true, "ORDERS@us-east can't be used in eu-west"},
		"halted, and no link tells why":    {three(at, held("eu-west", 5, in(LogHalted))), true, "ORDERS@us-east has stopped in eu-west"},
		"a hole that nobody made": {three(at, held("us-east", 9, func(l *Log) { l.Problem = "offset 7 is missing" }), held("eu-west", 9)), true,
			"ORDERS@us-east in us-east: offset 7 is missing"},
		"a damaged origin": {three(at, held("us-east", 9, func(l *Log) { l.Role, l.Lacking = RoleOrigin, geo.Ranges{{First: 2, Last: 3}} }), held("eu-west", 9)), true,
			"ORDERS@us-east in us-east lacks entries for no recorded reason at offsets 2…3, which are not served on; to get them back from another region's copy, see docs/operating.md, damaged or lacking entries"},
		"damaged": {three(at, held("us-east", 9), held("eu-west", 9, func(l *Log) { l.Damaged = geo.Ranges{{First: 1, Last: 1024}} })), true,
			"ORDERS@us-east in eu-west holds damaged entries at offsets 1…1024, which are not served on; fetch them from another holder: geomq log repair ORDERS@us-east --region eu-west"},
		"lacking in many places": {three(at, held("us-east", 99), held("eu-west", 99, func(l *Log) {
			l.Lacking = geo.Ranges{{First: 1, Last: 1}, {First: 3, Last: 4}, {First: 6, Last: 6}, {First: 8, Last: 8}, {First: 10, Last: 10}}
		})), true, "ORDERS@us-east in eu-west lacks entries for no recorded reason at offsets 1, 3…4, 6 and 2 ranges more (6 in all), which are not served on; fetch them from another holder: geomq log repair ORDERS@us-east --region eu-west"},
		"gaps that were accepted are none": {three(at, held("us-east", 9), held("eu-west", 9, func(l *Log) { l.Gaps = geo.Ranges{{First: 1, Last: 2}} })), false, ""},
		"in the ledger": {three(at, held("us-east", 9), held("eu-west", 9, func(l *Log) { l.Ledger = &LedgerCount{Entries: 5, Open: 3} })), false,
			"3 entries of ORDERS@us-east are kept in the ledger of eu-west, acknowledged once and in no log now; look at them: geomq ledger ls --region eu-west; publish them again: geomq ledger republish --log ORDERS@us-east --region eu-west"},
		"published again": {three(at, held("us-east", 9), held("eu-west", 9, func(l *Log) { l.Ledger = &LedgerCount{Entries: 5} })), false, ""},
		"a disk with little room": {three(at, disk(Disk{Region: "us-east", Node: "n1", State: DiskLow, Free: 72, Total: 1000, StopReplicas: 10})), true,
			"us-east/n1 has 7.2 % of its disk free, below 10 %: its replicas have stopped; make room, and they go on by themselves"},
		"a disk with none": {three(at, disk(Disk{Region: "us-east", Node: "n1", State: DiskFull, Free: 41, Total: 1000, FenceOrigins: 5})), true,
			"us-east/n1 has 4.1 % of its disk free, below 5 %: producers are refused there; make room, and its logs open by themselves"},
		"a disk that fails": {three(at, disk(Disk{Region: "us-east", Node: "n1", State: DiskFailing, Problem: "input/output error"})), true,
			"the broker of us-east/n1 refuses writes (input/output error): geomq restarts it; if that does not help, look at the disk and its file system"},
		"a disk": {three(at, disk(Disk{Region: "us-east", Node: "n1", State: DiskOK, Free: 1, Total: 2})), false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			v := Judge(c.status)
			var texts []string
			for _, trouble := range v.Troubles {
				texts = append(texts, trouble.Text)
			}
			if got := strings.Join(texts, "\n"); got != c.text || v.Grave() != c.grave {
				t.Errorf("grave %v:\n%s\nwant %v:\n%s", v.Grave(), got, c.grave, c.text)
			}
		})
	}
}

func TestTheGraveComesFirst(t *testing.T) {
	s := three(held("us-east", 9, func(l *Log) { l.Ledger = &LedgerCount{Open: 1} }), held("eu-west", 9), disk(Disk{State: DiskFull}))
	if all := Judge(s).Troubles; len(all) != 2 || all[0].Kind != TroubleDisk || all[1].Kind != TroubleLedger {
		t.Errorf("%+v", all)
	}
}

// TestAnOpeningOriginStillCounts: what it has is known while it asks the others, and
// that a replica has more is no loss.
func TestAnOpeningOriginStillCounts(t *testing.T) {
	for last, code := range map[geo.Offset]int{5: 0, 9: 0, 12: 1} {
		if v := Judge(three(held("us-east", last, in(LogOpening)), held("eu-west", 9))); v.Code != code {
			t.Errorf("the origin ends at %d: %s", last, v.Regions[0].Text)
		}
	}
}

// TestWhatOneNodeOfARegionKnowsIsKept: the node that leads scrubs, another one
// reaches further.
func TestWhatOneNodeOfARegionKnowsIsKept(t *testing.T) {
	leads := func(s *Status) {
		held("eu-west", 8, func(l *Log) {
			l.Scrub, l.Damaged, l.Ledger = &Scrub{Blocks: 7}, geo.Ranges{{First: 1, Last: 1024}}, &LedgerCount{Open: 2}
		})(s)
		s.Disks = []Disk{{Region: "eu-west", Node: "a", State: DiskLow}, {Region: "us-east", Node: "n1", State: DiskFull}}
	}
	out := merge(three(), []Node{peer("eu-west", "a"), peer("eu-west", "b")},
		[]answer{said("eu-west", "a", leads), said("eu-west", "b", held("eu-west", 9))})
	l := out.Logs[0]
	if l.Last != 9 || l.Scrub == nil || l.Scrub.Blocks != 7 || l.Ledger == nil || len(l.Damaged) != 1 {
		t.Errorf("%+v", l)
	}
	if len(out.Disks) != 1 || out.Disks[0].Node != "a" {
		t.Errorf("a node speaks for its own disk only: %+v", out.Disks)
	}
}

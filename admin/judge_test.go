package admin

import (
	"testing"

	"geomq/geo"
)

func ptr[T any](v T) *T { return &v }

// three is a Status of three regions that all answer and hold nothing.
func three(change ...func(*Status)) Status {
	s := Status{Region: "us-east", Node: "n1", Scope: ScopeAll}
	for _, name := range []geo.Region{"us-east", "eu-west", "ap-south"} {
		s.Regions = append(s.Regions, Region{Name: name, Configured: true, State: RegionUp})
	}
	for _, c := range change {
		c(&s)
	}
	return s
}

// held adds ORDERS@us-east as region holds it.
func held(region geo.Region, last geo.Offset, change ...func(*Log)) func(*Status) {
	return func(s *Status) {
		l := Log{Log: "ORDERS", Queue: "0", Origin: "us-east", Region: region, Role: RoleReplica, Stream: "ORDERS@us-east",
			Regions: []geo.Region{"us-east", "eu-west", "ap-south"}, First: 1, Last: last, Entries: uint64(last), State: LogOpen}
		if region == l.Origin {
			l.Role = RoleOrigin
		}
		for _, c := range change {
			c(&l)
		}
		s.Logs = append(s.Logs, l)
	}
}

// pulled adds the link of ORDERS@us-east into region.
func pulled(region geo.Region, applied, head geo.Offset, lag *float64, change ...func(*Link)) func(*Status) {
	return func(s *Status) {
		l := Link{Log: "ORDERS", Queue: "0", Origin: "us-east", From: "us-east", To: region, State: LinkStreaming, Applied: applied, Head: head}
		if lag != nil {
			l.LagEntries, l.LagSeconds = ptr(uint64(head-applied)), lag
		}
		for _, c := range change {
			c(&l)
		}
		s.Links = append(s.Links, l)
	}
}

// from has a link pull from a relay.
func from(holder geo.Region) func(*Link) { return func(l *Link) { l.From = holder } }

// halted adds a link into region that waits for an operator.
func halted(region geo.Region, cause string) func(*Status) {
	return func(s *Status) {
		s.Links = append(s.Links, Link{Log: "ORDERS", Queue: "0", Origin: "us-east", From: "us-east", To: region, State: LinkHalted, Cause: cause})
	}
}

// unreachable has ap-south ask, and region not answer.
func unreachable(region geo.Region) func(*Status) {
	return func(s *Status) {
		s.Region = "ap-south"
		for i := range s.Regions {
			if s.Regions[i].Name == region {
				s.Regions[i].State = RegionUnreachable
			}
		}
	}
}

func control(l *Log)           { l.Log = "GEOMQ" }
func alone(l *Log)             { l.Regions = []geo.Region{"us-east"} }
func local(s *Status)          { s.Scope = ScopeLocal }
func in(l LogState) func(*Log) { return func(x *Log) { x.State = l } }

func TestTheVerdictOnUsEast(t *testing.T) {
	for name, c := range map[string]struct {
		status Status
		text   string
		code   int
	}{
		"nothing there": {three(), "yes, every entry is elsewhere too, up to the last heartbeat", 0},
		"all replicas equal": {three(held("us-east", 9), held("eu-west", 9), held("ap-south", 9)),
			"yes, every entry is elsewhere too, up to the last heartbeat", 0},
		"one other region has everything": {three(held("us-east", 9), held("eu-west", 9), held("ap-south", 2)),
			"yes, every entry is elsewhere too, up to the last heartbeat", 0},
		"the most advanced replica counts": {three(held("us-east", 1412), held("eu-west", 1000), held("ap-south", 500),
			pulled("eu-west", 1000, 1412, ptr(0.8)), pulled("ap-south", 500, 1412, ptr(4.0))), "no, ≤ 412 entries (0.8 s) are nowhere else", 1},
		"one entry, its age unknown": {three(held("us-east", 3), held("eu-west", 2)), "no, ≤ 1 entry is nowhere else", 1},
		"trimmed entries are no loss": {three(held("us-east", 100, func(l *Log) { l.First = 91 }), held("eu-west", 50)),
			"no, ≤ 10 entries are nowhere else", 1},
		"no replica reports": {three(held("us-east", 9)), "unknown, no replica of ORDERS reports", 2},
		"a conflict is no replica": {three(held("us-east", 9), held("eu-west", 9, in(LogConflict))),
			"unknown, no replica of ORDERS reports", 2},
		"a halted replica still holds": {three(held("us-east", 9), held("eu-west", 5, in(LogHalted))), "no, ≤ 4 entries are nowhere else", 1},
		"a replica that contradicts its origin": {three(held("us-east", 9), held("eu-west", 12, in(LogConflict)), halted("eu-west", "ahead")),
			"no, the replicas of ORDERS contradict it and are halted (≤ 9 entries are nowhere else): see geomq link ls", 1},
		"a replica that contradicts and can be read": {three(held("us-east", 9), held("eu-west", 12, in(LogHalted)), halted("eu-west", "ahead")),
			"no, the replicas of ORDERS contradict it and are halted (≤ 9 entries are nowhere else): see geomq link ls", 1},
		"one replica contradicts, one is fine": {three(held("us-east", 9), held("eu-west", 12, in(LogConflict)), halted("eu-west", "conflict"), held("ap-south", 8)),
			"no, ≤ 1 entry is nowhere else", 1},
		"halted by retention is still a replica": {three(held("us-east", 9), held("eu-west", 5, in(LogHalted)), halted("eu-west", "trimmed")),
			"no, ≤ 4 entries are nowhere else", 1},
		"a link into the origin is no replica": {three(held("us-east", 9), pulled("us-east", 9, 9, ptr(0.0))),
			"unknown, no replica of ORDERS reports", 2},
		"kept only here": {three(held("us-east", 9, alone)), "no, ORDERS is kept only here (≤ 9 entries)", 1},
		"a control log is behind": {three(held("us-east", 9), held("eu-west", 9), held("us-east", 50, control), held("eu-west", 40, control)),
			"yes, every entry is elsewhere too, up to the last heartbeat", 0},
		"kept only here and empty": {three(held("us-east", 0, alone)), "yes, every entry is elsewhere too, up to the last heartbeat", 0},
		"silent, its links still fresh": {three(unreachable("us-east"), held("eu-west", 5), pulled("eu-west", 5, 8, ptr(1.0))),
			"no, ≤ 3 entries (1.0 s) are nowhere else; none of its nodes answers", 1},
		"silent, its links stale": {three(unreachable("us-east"), held("eu-west", 5), pulled("eu-west", 5, 8, nil)),
			"unknown, the origin of ORDERS does not answer (when last heard of, ≤ 3 entries were nowhere else); none of its nodes answers", 2},
		"silent, and a replica is level with its relay": {three(unreachable("us-east"), held("eu-west", 8), held("ap-south", 8),
			pulled("eu-west", 8, 8, nil), pulled("ap-south", 8, 8, ptr(0.0), from("eu-west"))),
			"unknown, the origin of ORDERS does not answer (when last heard of, ≤ 0 entries were nowhere else); none of its nodes answers", 2},
		"silent and nothing known": {three(unreachable("us-east")), "unknown, none of its nodes answers", 2},
		"not asked": {three(local, func(s *Status) { s.Region = "eu-west" }, held("eu-west", 8), pulled("eu-west", 8, 8, ptr(0.0))),
			"unknown, it was not asked", 2},
	} {
		t.Run(name, func(t *testing.T) {
			v := Judge(c.status)
			if want := "SAFE to lose us-east: " + c.text; v.Regions[0].Text != want {
				t.Errorf("%q, want %q", v.Regions[0].Text, want)
			}
			if v.Code != c.code {
				t.Errorf("code %d, want %d", v.Code, c.code)
			}
		})
	}
}

func TestARegionAloneKeepsEverythingOnlyHere(t *testing.T) {
	s := three(held("us-east", 9, func(l *Log) { l.Regions = nil }))
	s.Regions = s.Regions[:1]
	if v := Judge(s); v.Code != 1 || v.Regions[0].Logs[0].Reason != reasonOnlyHere {
		t.Errorf("%+v", v)
	}
}

func TestTheSumOverLogsIsTold(t *testing.T) {
	second := func(l *Log) { l.Log = "PAYMENTS" }
	v := Judge(three(held("us-east", 9), held("eu-west", 4), held("us-east", 20, second), held("eu-west", 13, second))).Regions[0]
	if v.Entries != 12 || len(v.Logs) != 2 || v.Text != "SAFE to lose us-east: no, ≤ 12 entries are nowhere else" {
		t.Errorf("%+v", v)
	}
}

func TestUnsafeOutweighsUnknownInTheCode(t *testing.T) {
	for _, order := range [][2]Safety{{Unsafe, Uncertain}, {Uncertain, Unsafe}} {
		if code := worse(worse(0, order[0]), order[1]); code != 1 {
			t.Errorf("%v: %d", order, code)
		}
	}
}

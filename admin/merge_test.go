package admin

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func said(region, name string, change func(*Status)) answer {
	a := answer{node: peer(region, name)}
	a.status.Region, a.status.Node = a.node.Region, name
	change(&a.status)
	return a
}

func TestTheBetterInformedNodeCounts(t *testing.T) {
	now := time.Now()
	idle := func(s *Status) {
		pulled("eu-west", 3, 3, nil)(s)
		s.Links[0].State, s.Links[0].Since, s.Links[0].Node = LinkWaiting, now, "b"
		held("eu-west", 3, in(LogHalted), func(l *Log) { l.Problem = "disk full" })(s)
	}
	runs := func(s *Status) {
		pulled("eu-west", 9, 9, ptr(0.0))(s)
		s.Links[0].Since, s.Links[0].Node = now.Add(-time.Hour), "a"
		held("eu-west", 9)(s)
	}
	for _, answers := range [][]answer{
		{said("eu-west", "a", runs), said("eu-west", "b", idle)},
		{said("eu-west", "b", idle), said("eu-west", "a", runs)},
	} {
		out := merge(three(), []Node{peer("eu-west", "a"), peer("eu-west", "b")}, answers)
		if len(out.Links) != 1 || out.Links[0].Node != "a" || len(out.Logs) != 1 {
			t.Fatalf("%+v", out)
		}
		if l := out.Logs[0]; l.Last != 9 || l.State != LogHalted || l.Problem != "disk full" {
			t.Errorf("the fault that one node knows of got lost: %+v", l)
		}
	}
}

func TestANodeSpeaksForItsOwnRegionOnly(t *testing.T) {
	lies := func(s *Status) { held("us-east", 999)(s); pulled("us-east", 9, 9, nil)(s) }
	out := merge(three(), []Node{peer("eu-west", "a")}, []answer{said("eu-west", "a", lies)})
	if len(out.Logs) != 0 || len(out.Links) != 0 {
		t.Errorf("%+v", out)
	}
}

func TestSilentNodesAndRegionsAreTold(t *testing.T) {
	peers := []Node{peer("eu-west", "a"), peer("eu-west", "b"), peer("sa-west", "c")}
	answers := []answer{
		said("eu-west", "a", func(*Status) {}), {node: peers[1], err: ErrNoAnswer}, {node: peers[2], err: ErrForeign},
	}
	out := merge(three(), peers, answers)
	var states []string
	for _, r := range out.Regions {
		states = append(states, fmt.Sprintf("%s %s %d", r.Name, r.State, len(r.Nodes)))
	}
	want := "us-east up 0, eu-west up 2, ap-south unknown 0, sa-west unreachable 1"
	if got := strings.Join(states, ", "); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	text := strings.Join(out.Problems, "\n")
	for _, part := range []string{"eu-west/b does not answer", "ap-south: no node of it has been seen", "sa-west: none of its 1 nodes answers"} {
		if !strings.Contains(text, part) {
			t.Errorf("%q is missing in %s", part, text)
		}
	}
}

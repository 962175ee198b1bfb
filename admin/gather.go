package admin

import (
	"context"
	"sync"
)

// all is the Status of all nodes that answer within the peer timeout. Links run
// on one node of a region, so every node is asked and not just one a region.
func (s *Server) all(ctx context.Context) Status {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.PeerTimeout)
	defer cancel()
	own, peers := s.local(), s.cfg.Backend.Peers()
	var others []Node
	for _, n := range peers {
		if !n.Self && n.id() != (nodeID{own.Region, own.Node}) {
			others = append(others, n)
		}
	}
	answers := make([]answer, len(others))
	var asking sync.WaitGroup
	for i, n := range others {
		asking.Go(func() { answers[i] = s.ask(ctx, n) })
	}
	asking.Wait()
	out := merge(own, peers, answers)
	out.Verdict = Judge(out)
	return out
}

func (s *Server) ask(ctx context.Context, n Node) answer {
	client, err := newClient(n.Admin, s.peers)
	if err != nil {
		return answer{node: n, err: err}
	}
	status, err := client.Status(ctx, ScopeLocal)
	if err == nil && status.Region != n.Region {
		err = &ForeignError{URL: n.Admin, Reason: "it is in region " + string(status.Region) + " where " + string(n.Region) + " was expected"}
	}
	return answer{node: n, status: status, err: err}
}

package gossip

import (
	"net/netip"

	"github.com/hashicorp/memberlist"
)

// delegate is what memberlist calls. It calls with its own lock held: nothing
// here may block or call it back.
type delegate struct{ members *Members }

// NodeMeta is asked for our meta, at the start and when the life number rose.
func (d delegate) NodeMeta(int) []byte {
	return encodeMeta(d.members.cfg.Self, d.members.number.Load())
}

// We pass no messages and no state of our own.
func (delegate) NotifyMsg([]byte)                {}
func (delegate) GetBroadcasts(_, _ int) [][]byte { return nil }
func (delegate) LocalState(bool) []byte          { return nil }
func (delegate) MergeRemoteState([]byte, bool)   {}

// NotifyJoin and NotifyUpdate bring a member that lives or tells something new.
func (d delegate) NotifyJoin(n *memberlist.Node)   { d.members.heard(n.Name, nodeAddr(n), n.Meta) }
func (d delegate) NotifyUpdate(n *memberlist.Node) { d.members.heard(n.Name, nodeAddr(n), n.Meta) }

// NotifyLeave brings a member that left or was given up.
func (d delegate) NotifyLeave(n *memberlist.Node) { d.members.ended(n.Name) }

// nodeAddr is zero where the address is none.
func nodeAddr(n *memberlist.Node) netip.AddrPort {
	ip, ok := netip.AddrFromSlice(n.Addr)
	if !ok {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(ip.Unmap(), n.Port)
}

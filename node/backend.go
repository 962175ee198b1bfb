package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"geomq/admin"
	"geomq/broker"
	"geomq/geo"
	"geomq/geo/entry"
	"geomq/mirror"
	"geomq/mirror/verify"
)

// statusPatience bounds how long the own broker may take to list its logs.
const statusPatience = 2 * time.Second

// backend shows a node to its admin API.
type backend struct{ node *Node }

// Local implements admin.Backend.
func (b backend) Local() admin.Status {
	n := b.node
	status := admin.Status{At: time.Now(), Region: n.cfg.Region, Node: n.cfg.Node, Regions: b.regions()}
	ctx, cancel := context.WithTimeout(context.Background(), statusPatience)
	defer cancel()
	held, err := n.broker.CommitLogs(ctx)
	if err != nil {
		status.Problems = append(status.Problems, fmt.Sprintf("region %s: the broker of node %s does not list its logs: %v", n.cfg.Region, n.cfg.Node, err))
	}
	n.lookAround()
	lost := n.records.counts.counted()
	for _, d := range n.duties {
		at := slices.IndexFunc(held, func(h broker.Held) bool { return h.ID == d.id })
		log := d.describe()
		if sum, ok := lost[d.id]; ok {
			log.Ledger = &admin.LedgerCount{Entries: sum.Entries, Open: sum.Entries - sum.Republished}
		}
		if at >= 0 {
			log = d.measure(log, held[at].Extent)
		}
		status.Logs = append(status.Logs, log)
	}
	status.Links = n.Links()
	if disk, _ := n.disk.look(); disk.State != "" {
		if err := n.broker.Failing(); err != nil {
			disk.State, disk.Problem = admin.DiskFailing, err.Error()
		}
		status.Disks = []admin.Disk{disk}
	}
	return status
}

// regions lists the configured regions and those that gossip sees.
func (b backend) regions() []admin.Region {
	var regions []admin.Region
	for _, name := range b.node.cfg.Regions {
		regions = append(regions, admin.Region{Name: name, Configured: true, State: admin.RegionUnknown, Nodes: []admin.Node{}})
	}
	for _, peer := range b.Peers() {
		at := slices.IndexFunc(regions, func(r admin.Region) bool { return r.Name == peer.Region })
		if at < 0 {
			at = len(regions)
			regions = append(regions, admin.Region{Name: peer.Region})
		}
		regions[at].Nodes = append(regions[at].Nodes, peer)
		regions[at].State = admin.RegionUp
	}
	return regions
}

// Peers implements admin.Backend.
func (b backend) Peers() []admin.Node {
	n := b.node
	if n.members == nil {
		return nil
	}
	var peers []admin.Node
	for _, m := range n.members.Nodes() {
		peers = append(peers, admin.Node{
			Region: m.Region, Name: m.Name, Boot: m.Boot, Version: m.Version, Started: m.Started,
			NATS: m.NATS, Admin: m.Admin, Self: m.Boot == n.boot, Answering: true,
		})
	}
	return peers
}

// Ready implements admin.Backend.
func (b backend) Ready() error {
	if b.node.members == nil {
		return errors.New("gossip has not been started yet")
	}
	return b.node.unready()
}

// Links describes the links that this node runs.
func (n *Node) Links() []admin.Link {
	var links []admin.Link
	for _, d := range n.duties {
		if d.link != nil && (d.leads() || !n.clustered()) {
			links = append(links, d.showLink())
		}
	}
	return links
}

// describe says of a log what is known without asking the broker.
func (d *duty) describe() admin.Log {
	role, state := admin.RoleReplica, admin.LogWaiting
	if d.isOrigin() {
		role = admin.RoleOrigin
	}
	if d.conflicts() {
		state = admin.LogConflict
	}
	log := admin.Log{
		Log: d.id.Log, Queue: d.id.Queue.Label(), Origin: d.id.Origin, Region: d.node.cfg.Region, Role: role,
		Stream: d.id.Stream(), Topics: d.log.Topics, Regions: d.log.Regions, First: 1,
		Mode: string(d.log.Mode), Flush: string(d.log.Flush), Replicas: replicas(d.node.cfg, d.log),
		State: state, Problem: d.problem(),
	}
	if left := d.tail.undone(); left != "" {
		log.Problem = left
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	log.Opening, log.Fenced = d.opening, d.fenced
	return log
}

// measure adds what the broker says.
func (d *duty) measure(log admin.Log, extent geo.Extent) admin.Log {
	log.First, log.Last, log.Entries, log.Bytes = extent.First, extent.Last, extent.Entries, extent.Bytes
	log.LastTime, log.Epoch, log.Epochs = extent.LastTime, extent.Epochs.Latest().Number, extent.Epochs
	log.Holes = extent.Range().Len() - min(extent.Entries, extent.Range().Len())
	if log.State == admin.LogWaiting {
		log.State = d.state()
	}
	if d.link != nil {
		if s := d.link.Status(); s.State == mirror.StateHalted {
			log.State, log.Problem = admin.LogHalted, s.Reason
		}
	}
	seen := d.looked()
	log.SealedTo, log.Deletions, log.Gaps = seen.sealed, seen.deletions, seen.gaps
	d.showScrub(&log)
	return log
}

// state is that of a log whose stream is there.
func (d *duty) state() admin.LogState {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.link != nil:
		return admin.LogOpen
	case !d.open:
		return admin.LogOpening
	case d.fenced != "":
		return admin.LogFenced
	}
	return admin.LogOpen
}

// showLink describes the log's link; one that is kept from running tells why.
func (d *duty) showLink() admin.Link {
	link := describeLink(d.link.Status(), d.node.cfg.Node)
	if why, since := d.pause(); why != "" && link.State != admin.LinkStreaming {
		link.State, link.Cause, link.Reason, link.Since, link.Missing = admin.LinkWaiting, "", why, since, nil
	}
	return link
}

func describeLink(s mirror.LinkStatus, node string) admin.Link {
	link := admin.Link{
		Log: s.Log.Log, Queue: s.Log.Queue.Label(), Origin: s.Log.Origin, From: s.From, To: s.To, Node: node,
		State: admin.LinkState(s.State), Cause: string(s.Cause), Reason: s.Reason, Since: s.Since, Applied: s.Applied, Head: max(s.Head.Last, s.Applied),
		Compression: s.Codec.String(), Credit: s.Credit, CreditUsed: s.Used,
		Entries: s.Entries, Frames: s.Frames, WireBytes: s.Wire, RawBytes: s.Raw,
		Resent: s.Resent, Repeated: s.Repeated, Seals: s.Seals, LastHeartbeat: s.HeadAt,
		NotOrigin: s.Why, Switches: s.Switches, Missing: missing(s),
	}
	for _, h := range s.Holders {
		link.Holders = append(link.Holders, describeHolder(h))
	}
	if s.RoundTrip > 0 {
		seconds := s.RoundTrip.Seconds()
		link.RTTSeconds = &seconds
	}
	if s.Sessions > 0 {
		link.Reconnects = s.Sessions - 1
	}
	if entries, bytes, age, ok := s.Lag(); ok {
		seconds := age.Seconds()
		link.LagEntries, link.LagBytes, link.LagSeconds = &entries, &bytes, &seconds
	}
	if len(s.Refused) > 0 {
		link.Refused = make(map[string]uint64, len(s.Refused))
		for cause, count := range s.Refused {
			link.Refused[string(cause)] = count
		}
	}
	return link
}

func describeHolder(h mirror.HolderStatus) admin.LinkHolder {
	holder := admin.LinkHolder{Region: h.Region, Last: h.Last, Asked: h.At, Problem: h.Avoided, Avoided: h.AvoidedUntil}
	switch {
	case holder.Problem == "" && !h.At.IsZero() && !h.Told:
		holder.Problem = "it did not answer"
	case holder.Problem == "" && h.Told && !h.Ready:
		holder.Problem = "it does not serve the log yet"
	}
	if h.Told {
		seconds := h.RoundTrip.Seconds()
		holder.RTTSeconds = &seconds
	}
	return holder
}

// find opens a log of this region by its stream's name.
func (b backend) find(ctx context.Context, stream string) (heldLog, error) {
	id, err := geo.ParseCommitLog(stream)
	if err != nil {
		return heldLog{}, fmt.Errorf("%w: %w", admin.ErrNotFound, err)
	}
	log, err := b.node.cluster().open(ctx, id)
	if errors.Is(err, mirror.ErrNoLog) {
		return heldLog{}, fmt.Errorf("%w: region %s holds no %s", admin.ErrNotFound, b.node.cfg.Region, stream)
	}
	return log, err
}

// Digests implements admin.Backend.
func (b backend) Digests(ctx context.Context, q admin.DigestQuery, yield func(verify.Stretch) error) error {
	log, err := b.find(ctx, q.Stream)
	if err != nil {
		return err
	}
	seals, err := sealsOf(ctx, log, q.Range)
	if err != nil {
		return err
	}
	deleted, err := deletedDigests(ctx, log, q.Range)
	if err != nil {
		return err
	}
	return verify.Digest(verify.DigesterConfig{
		Range: q.Range, Step: q.Step, Yield: yield,
		Deleted: func(o geo.Offset) (entry.Digest, bool) {
			digest, ok := deleted[o]
			return digest, ok
		},
		Seal: func(block geo.Block) (entry.Digest, bool) {
			digest, ok := seals[block]
			return digest, ok
		},
	}, entries(ctx, log, q.Range))
}

// sealsOf reads the seals of the blocks in r: 16 bytes for each 1,024 entries.
func sealsOf(ctx context.Context, log heldLog, r geo.Range) (map[geo.Block]entry.Digest, error) {
	seals, err := log.Seals(ctx, geo.BlockOf(r.First), geo.BlockOf(r.Last))
	if err != nil {
		return nil, err
	}
	digests := make(map[geo.Block]entry.Digest, len(seals))
	for _, seal := range seals {
		digests[seal.Block] = seal.Digest
	}
	return digests, nil
}

// deletedDigests are those of entries in r that the origin removed on purpose.
func deletedDigests(ctx context.Context, log heldLog, r geo.Range) (map[geo.Offset]entry.Digest, error) {
	known, err := log.cluster.records.deletions.upTo(ctx, log.ID(), everyDeletion)
	if err != nil {
		return nil, err
	}
	digests := map[geo.Offset]entry.Digest{}
	for _, deletion := range known {
		for i, o := range deletion.Offsets {
			if r.Contains(o) {
				digests[o] = deletion.Digests[i]
			}
		}
	}
	return digests, nil
}

// Entry implements admin.Backend.
func (b backend) Entry(ctx context.Context, stream string, offset geo.Offset) (admin.EntryView, error) {
	log, err := b.find(ctx, stream)
	if err != nil {
		return admin.EntryView{}, err
	}
	for e, err := range entries(ctx, log, geo.Range{First: offset, Last: offset}) {
		if err != nil {
			return admin.EntryView{}, err
		}
		view := admin.ViewEntry(stream, e)
		view.Header, view.Body = bytes.Clone(view.Header), bytes.Clone(view.Body)
		return view, nil
	}
	return admin.EntryView{}, fmt.Errorf("%w: %s holds nothing at offset %d in region %s", admin.ErrNotFound, stream, offset, b.node.cfg.Region)
}

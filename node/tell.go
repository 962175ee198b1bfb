package node

import (
	"context"
	"fmt"
	"time"

	"geomq/geo"
	"geomq/geo/control"
	"geomq/mirror"
)

// tellPause is how often links are looked at for what is worth a record.
const tellPause = time.Second

// tellLinks records which links are halted and which pull from another holder
// than before, until ctx ends.
func (n *Node) tellLinks(ctx context.Context) {
	for sleep(ctx, tellPause) {
		for _, d := range n.duties {
			if d.link == nil {
				continue
			}
			if n.clustered() && !d.leads() {
				d.told.well = false // whoever leads tells meanwhile
				continue
			}
			d.told = d.tellLink(d.told, d.link.Status())
		}
	}
}

// linkNews is what was last told of a link.
type linkNews struct {
	halted bool
	well   bool // no record says that it is halted
	from   geo.Region
}

func (d *duty) tellLink(told linkNews, s mirror.LinkStatus) linkNews {
	at := fmt.Sprintf("the link of %s into %s", d.id, d.node.cfg.Region)
	switch halted := s.State == mirror.StateHalted; {
	case halted && !told.halted:
		d.event(control.LinkHalted, fmt.Sprintf("%s is halted (%s): %s", at, s.Cause, s.Reason))
		told.halted, told.well = true, false
	case s.State == mirror.StateStreaming && !told.well:
		told.halted, told.well = false, d.tellGoesOn(told.halted)
	}
	if s.State != mirror.StateStreaming || s.From == told.from {
		return told
	}
	if told.from != "" || !s.Origin {
		d.event(control.LinkHolder, fmt.Sprintf("%s pulls from %s%s", at, s.From, because(s.Why)))
	}
	told.from = s.From
	return told
}

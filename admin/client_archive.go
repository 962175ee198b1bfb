package admin

import (
	"context"
	"net/url"
	"strconv"

	"geomq/geo"
)

// Ledger reads a page of region's ledger; any node may be asked. Errors wrap
// ErrNotReady where no node of region answers.
func (c *Client) Ledger(ctx context.Context, region geo.Region, q LedgerQuery) (LedgerPage, error) {
	values := url.Values{"region": {string(region)}, "open": {strconv.FormatBool(q.Open)}}
	setIf(values, "stream", q.Stream)
	setIf(values, "after", q.After)
	if q.Limit > 0 {
		values.Set("limit", strconv.Itoa(q.Limit))
	}
	var page LedgerPage
	err := c.read(ctx, apiPath+"ledger?"+values.Encode(), &page)
	return page, err
}

// LedgerEntry reads one record of region's ledger; ErrNotFound is in the error
// where that has none of this id.
func (c *Client) LedgerEntry(ctx context.Context, region geo.Region, id string) (LedgerEntry, error) {
	values := url.Values{"region": {string(region)}, "id": {id}}
	var entry LedgerEntry
	err := c.read(ctx, apiPath+"ledger/entry?"+values.Encode(), &entry)
	return entry, err
}

// Events reads events as the node's region knows them.
func (c *Client) Events(ctx context.Context, q EventQuery) (EventPage, error) {
	values := url.Values{"kind": q.Kinds}
	setIf(values, "after", q.After.String())
	setIf(values, "log", q.Log)
	setIf(values, "from", string(q.Region))
	if q.Limit > 0 {
		values.Set("limit", strconv.Itoa(q.Limit))
	}
	if q.Wait > 0 {
		values.Set("wait", q.Wait.String())
	}
	var page EventPage
	err := c.readWithin(ctx, askTimeout+q.Wait, apiPath+"events?"+values.Encode(), &page)
	return page, err
}

func setIf(values url.Values, name, value string) {
	if value != "" {
		values.Set(name, value)
	}
}

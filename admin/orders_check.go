package admin

import (
	"fmt"

	"geomq/geo"
)

// Order is one of PurgeOrder, DeleteOrder, RepairOrder, AcceptGapOrder and
// RepublishOrder.
type Order interface {
	// Verb is the command's words, e.g. "log purge".
	Verb() string
	// In is the region whose nodes carry the order out. The error wraps
	// ErrBadRequest and says what is wrong with the order.
	In() (geo.Region, error)
	// Dry tells whether the order is only to be planned.
	Dry() bool
}

// The words of the orders.
const (
	verbPurge     = "log purge"
	verbDelete    = "log delete"
	verbRepair    = "log repair"
	verbAcceptGap = "link accept-gap"
	verbRepublish = "ledger republish"
)

// Verb implements Order.
func (PurgeOrder) Verb() string { return verbPurge }

// Verb implements Order.
func (DeleteOrder) Verb() string { return verbDelete }

// Verb implements Order.
func (RepairOrder) Verb() string { return verbRepair }

// Verb implements Order.
func (AcceptGapOrder) Verb() string { return verbAcceptGap }

// Verb implements Order.
func (RepublishOrder) Verb() string { return verbRepublish }

// Dry implements Order.
func (o PurgeOrder) Dry() bool { return o.DryRun }

// Dry implements Order.
func (o DeleteOrder) Dry() bool { return o.DryRun }

// Dry implements Order.
func (o RepairOrder) Dry() bool { return o.DryRun }

// Dry implements Order.
func (o AcceptGapOrder) Dry() bool { return o.DryRun }

// Dry implements Order.
func (o RepublishOrder) Dry() bool { return o.DryRun }

// In implements Order: the origin's region.
func (o PurgeOrder) In() (geo.Region, error) {
	if !exactlyOne(o.Before > 0, o.Keep != nil, o.Subject != "") {
		return "", fmt.Errorf("%w: say what to purge by exactly one of before, keep and subject", ErrBadRequest)
	}
	return originOf(o.Log)
}

// In implements Order: the origin's region.
func (o DeleteOrder) In() (geo.Region, error) {
	if err := checkRanges(o.Offsets); err != nil || len(o.Offsets) == 0 {
		return "", fmt.Errorf("%w: name the offsets to delete, from 1 on and ascending", ErrBadRequest)
	}
	return originOf(o.Log)
}

// In implements Order: the region named.
func (o RepairOrder) In() (geo.Region, error) {
	if o.From != "" && o.From == o.Region {
		return "", fmt.Errorf("%w: %s can't be repaired from itself; name another holder", ErrBadRequest, o.Region)
	}
	_, err := anyLog(o.Log) // a control log's replica may be made anew, too
	return o.Region, firstError(err, checkRegion(o.Region))
}

// In implements Order: the region named.
func (o AcceptGapOrder) In() (geo.Region, error) {
	origin, err := originOf(o.Log)
	if err == nil && origin == o.Region {
		err = fmt.Errorf("%w: %s is the origin of %s; gaps are accepted for replicas only", ErrBadRequest, o.Region, o.Log)
	}
	return o.Region, firstError(err, checkRegion(o.Region), checkRanges(o.Ranges))
}

// In implements Order: the region named.
func (o RepublishOrder) In() (geo.Region, error) {
	if !exactlyOne(len(o.IDs) > 0, o.Log != "", len(o.Elsewhere) > 0) {
		return "", fmt.Errorf("%w: name either ids of the ledger or a log", ErrBadRequest)
	}
	var err error
	if o.Log != "" {
		_, err = originOf(o.Log)
	}
	return o.Region, firstError(err, checkRegion(o.Region))
}

func exactlyOne(given ...bool) bool {
	n := 0
	for _, is := range given {
		if is {
			n++
		}
	}
	return n == 1
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// originOf is the origin of a log that people may change.
func originOf(stream string) (geo.Region, error) {
	log, err := anyLog(stream)
	if err == nil && log.Control() {
		err = fmt.Errorf("%w: %s is kept by geomq itself and can't be changed", ErrBadRequest, stream)
	}
	return log.Origin, err
}

func anyLog(stream string) (geo.CommitLog, error) {
	log, err := geo.ParseCommitLog(stream)
	if err != nil {
		return log, fmt.Errorf("%w: %w; write a log with its origin, e.g. ORDERS@us-east", ErrBadRequest, err)
	}
	return log, nil
}

func checkRegion(region geo.Region) error {
	if _, err := geo.ParseRegion(string(region)); err != nil {
		return fmt.Errorf("%w: %w", ErrBadRequest, err)
	}
	return nil
}

// checkRanges refuses what is no set of offsets in canonical form.
func checkRanges(ranges geo.Ranges) error {
	end := geo.Offset(0)
	for i, r := range ranges {
		if r.First == 0 || r.Len() == 0 || i > 0 && r.First <= end {
			return fmt.Errorf("%w: %v is out of place among the offsets, which begin with 1 and ascend", ErrBadRequest, r)
		}
		end = r.Last
	}
	return nil
}

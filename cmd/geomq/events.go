package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"geomq/admin"
	"geomq/cmd/geomq/internal/term"
	"geomq/geo"
	"geomq/geo/control"
)

const (
	// eventPage is how many events are asked for at once, eventWait for how long a
	// node may wait for the next one.
	eventPage = 500
	eventWait = 10 * time.Second
)

type eventFlags struct {
	where
	kinds  []string
	log    string
	region string
	after  string
	tail   int
	follow bool
	json   bool
}

func newEvents(a *app) *cobra.Command {
	var f eventFlags
	cmd := &cobra.Command{
		Use:   "events",
		Short: "Show what the regions have decided and recorded, or follow it",
		Long: `events shows the records of all regions' control logs as the region of the node
that answers knows them: nodes that start and stop, new epochs, deletions,
halted links, full disks. Of records with the same key only the last is kept for
good.

With --follow it goes on until Ctrl-C, and asks another node where one falls
silent. With --json it prints one object a line; a cursor is the place behind an
event, from which --after goes on.`,
		Example: `  geomq events --tail 20
  geomq events --follow --log ORDERS@us-east
  geomq events --kind log.epoch,disk --json
  geomq events --after us-east:17,eu-west:3 --follow --json`,
		Args: arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			q, err := f.query()
			if err != nil {
				return err
			}
			return a.showEvents(cmd.Context(), &f, q)
		},
	}
	f.where.flags(cmd)
	cmd.Flags().StringSliceVar(&f.kinds, "kind", nil, "only events of this `KIND`, e.g. log.epoch or all of log; may be repeated")
	cmd.Flags().StringVar(&f.log, "log", "", "only events about this `LOG`: ORDERS or ORDERS@us-east")
	cmd.Flags().StringVar(&f.region, "region", "", "only what this `REGION` recorded")
	cmd.Flags().StringVar(&f.after, "after", "", "go on behind this `CURSOR`")
	cmd.Flags().IntVar(&f.tail, "tail", -1, "show only the last `N` of what is there already (default: all)")
	cmd.Flags().BoolVar(&f.follow, "follow", false, "go on with what comes, until Ctrl-C")
	cmd.Flags().BoolVar(&f.json, "json", false, "print one JSON object for each event")
	a.completeFlag(cmd, "region", &f.where, regionNames)
	a.completeFlag(cmd, "log", &f.where, logNames)
	_ = cmd.RegisterFlagCompletionFunc("kind", cobra.FixedCompletions(kindNames(), cobra.ShellCompDirectiveNoFileComp)) // as in completeFlag
	return cmd
}

func (f *eventFlags) query() (admin.EventQuery, error) {
	q := admin.EventQuery{Kinds: f.kinds, Log: f.log, Region: geo.Region(f.region), Limit: eventPage}
	if f.log != "" {
		if err := checkLogName(f.log); err != nil {
			return q, err
		}
	}
	for _, kind := range f.kinds {
		if !isKind(kind) {
			return q, usagef("--kind %s: no event is of that kind; the kinds are %s, or the first word for all of it, e.g. log", kind, strings.Join(kindNames(), ", "))
		}
	}
	var err error
	if q.After, err = admin.ParseEventCursor(f.after); err != nil {
		return q, usagef("--after: %w", err)
	}
	if f.tail < -1 {
		return q, usagef("--tail %d is negative", f.tail)
	}
	return q, nil
}

// isKind tells whether kind is one, or the first word of some.
func isKind(kind string) bool {
	return slices.ContainsFunc(kindNames(), func(name string) bool { return name == kind || strings.HasPrefix(name, kind+".") })
}

func kindNames() (names []string) {
	for _, kind := range control.Kinds() {
		names = append(names, string(kind))
	}
	return names
}

func (a *app) showEvents(ctx context.Context, f *eventFlags, q admin.EventQuery) error {
	d, err := a.find(ctx, f.where)
	if err != nil {
		return err
	}
	if q.After, err = a.pastEvents(ctx, d, f, q); err != nil || !f.follow {
		return err
	}
	q.Wait = eventWait
	return a.followEvents(ctx, d, f, q)
}

// pastEvents shows what is there already and returns the place behind it.
func (a *app) pastEvents(ctx context.Context, d *deployment, f *eventFlags, q admin.EventQuery) (admin.EventCursor, error) {
	var last []shownEvent
	for {
		page, err := d.node.Events(ctx, q)
		if err != nil {
			return nil, err
		}
		last = append(last, withCursors(q.After, page)...)
		if keep := f.tail; keep >= 0 && len(last) > keep {
			last = last[len(last)-keep:]
		}
		if q.After = page.Next; f.tail < 0 || !page.More {
			if err := a.printEvents(f, last); err != nil {
				return nil, err
			}
			last = nil
		}
		if !page.More {
			return q.After, nil
		}
	}
}

// followEvents shows what comes until ctx ends. Offsets mean the same everywhere,
// so another node can go on where one fell silent.
func (a *app) followEvents(ctx context.Context, d *deployment, f *eventFlags, q admin.EventQuery) error {
	for silent := false; ; {
		page, err := d.node.Events(ctx, q)
		switch {
		case ctx.Err() != nil:
			return nil // this is how following is meant to end
		case errors.Is(err, admin.ErrNoAnswer) || errors.Is(err, admin.ErrNotReady):
			if !silent {
				a.notice("geomq: %s", explain(err))
			}
			silent = true
			d = a.findAnother(ctx, f.where, d)
			pause(ctx, a.tick)
			continue
		case err != nil:
			return err
		}
		silent = false
		if err := a.printEvents(f, withCursors(q.After, page)); err != nil {
			return err
		}
		q.After = page.Next
	}
}

// shownEvent is an event with the place behind it.
type shownEvent struct {
	admin.Event
	Cursor string `json:"cursor"`
}

// withCursors counts the place on from one event to the next.
func withCursors(after admin.EventCursor, page admin.EventPage) []shownEvent {
	at := admin.EventCursor{}
	for region, offset := range after {
		at[region] = offset
	}
	var shown []shownEvent
	for _, e := range page.Events {
		at[e.Region] = max(at[e.Region], e.Offset)
		shown = append(shown, shownEvent{e, at.String()})
	}
	return shown
}

func (a *app) printEvents(f *eventFlags, events []shownEvent) error {
	for _, e := range events {
		if f.json {
			if err := a.printJSONLine(e); err != nil {
				return err
			}
			continue
		}
		text := fmt.Sprintf("%s  %s  %s", e.Time.UTC().Format(time.RFC3339), e.Region, e.Kind)
		if e.Log != "" {
			text += "  " + e.Log
		}
		if _, err := fmt.Fprintln(a.out, term.Cut(term.Clean(text+"  "+e.Text), a.out.Width())); err != nil {
			return err
		}
	}
	return nil
}

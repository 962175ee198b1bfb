package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"

	"geomq/client"
	"geomq/cmd/geomq/internal/term"
	"geomq/geo"
)

type subFlags struct {
	place
	from    string
	subject string
	origins []string
	count   int
	json    bool
}

func newSub(a *app) *cobra.Command {
	var f subFlags
	cmd := &cobra.Command{
		Use:   "sub LOG",
		Short: "Follow a log, with origin, offset and age of every entry",
		Long: `sub follows LOG as one region holds it: the region's own entries and those of
every other origin. LOG is a name (ORDERS), or one CommitLog (ORDERS@us-east).
Entries of one origin come in the order of their offsets. The age is the time
from the origin's storing to the arrival here. It reads as an ordinary client
does and leaves no consumer behind. Ctrl-C ends it with exit code 0.

--from is "new" (the default), "beginning", an offset, a time
(2026-03-01T12:00:00Z) or how far back (90s, 1h30m).`,
		Example: `  geomq sub ORDERS
  geomq sub ORDERS --from beginning --region ap-south --count 10
  geomq sub ORDERS@us-east --from 1234 --json
  geomq sub ORDERS --subject 'orders.created.>' --from 1h`,
		Args: arguments("LOG"),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := f.config(a, args[0])
			if err != nil {
				return err
			}
			return a.follow(cmd.Context(), &f, cfg)
		},
	}
	f.place.flags(a, cmd)
	cmd.Flags().StringVar(&f.from, "from", "new", "where to begin: new, beginning, OFFSET, TIME or DURATION")
	cmd.Flags().StringVar(&f.subject, "subject", "", "only entries whose subject matches `FILTER`")
	cmd.Flags().StringSliceVar(&f.origins, "origin", nil, "only entries of this `REGION`; may be repeated")
	cmd.Flags().IntVar(&f.count, "count", 0, "end after so many entries (default: never)")
	cmd.Flags().BoolVar(&f.json, "json", false, "print one JSON object for each entry")
	a.completeFirst(cmd, &f.where, logNames)
	a.completeFlag(cmd, "origin", &f.where, regionNames)
	return cmd
}

// config checks everything that can be checked before anything is asked.
func (f *subFlags) config(a *app, log string) (client.FollowConfig, error) {
	cfg := client.FollowConfig{Filter: f.subject, Max: f.count}
	if f.count < 0 {
		return cfg, usagef("--count %d is negative", f.count)
	}
	var err error
	if cfg.From, err = client.ParseStart(f.from, a.now()); err != nil {
		return cfg, usagef("--from: %w", err)
	}
	if err := f.choose(&cfg, log); err != nil {
		return cfg, err
	}
	for _, name := range f.origins {
		origin, err := geo.ParseRegion(name)
		if err != nil {
			return cfg, usagef("--origin: %w", err)
		}
		cfg.Origins = append(cfg.Origins, origin)
	}
	return cfg, nil
}

// choose reads what to follow: a log by its name, or one CommitLog.
func (f *subFlags) choose(cfg *client.FollowConfig, log string) error {
	if c, err := geo.ParseCommitLog(log); err == nil {
		if len(f.origins) > 0 {
			return usagef("%s names its origin already; leave --origin out", log)
		}
		cfg.Streams = []string{c.Stream()}
		return nil
	}
	name, err := geo.ParseLogName(log)
	if err != nil {
		return usagef("%w; write a log as ORDERS or ORDERS@us-east", err)
	}
	cfg.Log = name
	return nil
}

func (a *app) follow(ctx context.Context, f *subFlags, cfg client.FollowConfig) error {
	from, err := f.resolve(ctx, a)
	if ctx.Err() != nil {
		return nil
	}
	if err != nil {
		return err
	}
	cfg.URL = from.url
	cfg.Logger = slog.New(slog.NewTextHandler(a.err, &slog.HandlerOptions{Level: slog.LevelWarn}))
	if a.err.Terminal {
		a.notice("following in %s from %s; Ctrl-C ends", from, f.from)
	}
	err = client.Follow(ctx, cfg, func(r client.Received) error { return a.showEntry(f.json, r) })
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil // this is how a reader is meant to end
	}
	return err
}

func (a *app) showEntry(asJSON bool, r client.Received) error {
	if !asJSON {
		_, err := fmt.Fprintln(a.out, term.Cut(r.Text(a.out.Width()), a.out.Width()))
		return err
	}
	line, err := r.JSON()
	if err != nil {
		return fmt.Errorf("write offset %d of %s as JSON: %w", r.Offset, r.Stream, err)
	}
	_, err = fmt.Fprintf(a.out, "%s\n", line)
	return err
}

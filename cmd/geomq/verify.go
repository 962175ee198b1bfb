package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"geomq/admin"
	"geomq/cmd/geomq/internal/table"
	"geomq/cmd/geomq/internal/term"
	"geomq/geo"
	"geomq/mirror/verify"
)

// errNoSuchLog says that no region of the deployment reports a log.
var errNoSuchLog = errors.New("no such log")

func newVerify(a *app) *cobra.Command {
	var w where
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "verify [LOG]",
		Short: "Prove that all holders of a log hold the same entries at the same offsets",
		Long: `verify has every holder of LOG recompute digests from the entries that it really
stores, compares them block by block with each other and with the recorded
seals, and bisects to the first offset that differs; that offset is shown as
every side holds it. LOG is a name (ORDERS: of all origins) or one CommitLog
(ORDERS@us-east); without it all logs are verified.

Exit code 0 means that everything compared is equal; 1 that something differs,
or that some holder could not be read to the end.`,
		Example: `  geomq verify
  geomq verify ORDERS
  geomq verify ORDERS@us-east --json`,
		Args: arguments("[LOG]"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.runVerify(cmd.Context(), w, args, asJSON)
		},
	}
	w.flags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object with the report of every log")
	a.completeFirst(cmd, &w, logNames)
	return cmd
}

// verified is the outcome for one CommitLog.
type verified struct {
	verify.Report
	// Sides is the first differing entry as the holders have it.
	Sides []sideEntry `json:"first_difference,omitempty"`
}

// verification is the JSON document of `geomq verify`.
type verification struct {
	Clean bool       `json:"clean"`
	Logs  []verified `json:"logs"`
}

func (a *app) runVerify(ctx context.Context, w where, args []string, asJSON bool) error {
	d, err := a.find(ctx, w)
	if err != nil {
		return err
	}
	st, err := ask(ctx, d.node, admin.ScopeAll, askTimeout)
	if err != nil {
		return err
	}
	held, err := chooseLogs(&st, args)
	if err != nil {
		return err
	}
	document := verification{Clean: true}
	for _, h := range held {
		v, err := a.verifyOne(ctx, h)
		if err != nil {
			return fmt.Errorf("verify %s: %w", h.log, err)
		}
		document.Clean = document.Clean && v.Outcome == verify.Clean
		document.Logs = append(document.Logs, v)
		if asJSON {
			continue
		}
		if err := a.printLines(verifiedLines(a.out, h.log, v)); err != nil {
			return err
		}
	}
	if asJSON {
		if err := a.printJSON(document); err != nil {
			return err
		}
	}
	if !document.Clean {
		return &quietExit{exitFailed}
	}
	return nil
}

func (a *app) verifyOne(ctx context.Context, h heldLog) (verified, error) {
	progress := newVerifyProgress(a, h.log)
	report, err := verify.Verify(ctx, h.log, h.holders, progress.show)
	progress.clear()
	if err != nil {
		return verified{}, err
	}
	return verified{Report: report, Sides: h.sidesOf(ctx, &report)}, nil
}

// chooseLogs picks what to verify from all that the regions report.
func chooseLogs(st *admin.Status, args []string) ([]heldLog, error) {
	held, err := heldLogs(st)
	if err != nil {
		return nil, err
	}
	if len(args) > 0 {
		wanted := args[0]
		all := held
		held = nil
		for _, h := range all {
			if wanted == string(h.log.Log) || wanted == h.log.Stream() {
				held = append(held, h)
			}
		}
	}
	if len(held) > 0 {
		return held, nil
	}
	if len(args) == 0 {
		return nil, fmt.Errorf("%w: no region reports any log; name logs in the configuration", errNoSuchLog)
	}
	if _, err := geo.ParseCommitLog(args[0]); err != nil {
		if _, err := geo.ParseLogName(args[0]); err != nil {
			return nil, usagef("%w; write a log as ORDERS or ORDERS@us-east", err)
		}
	}
	return nil, fmt.Errorf("%w: %q; there are %s", errNoSuchLog, args[0], strings.Join(logNames(st), ", "))
}

// verifyProgress shows how far a verification is, where it takes long enough.
type verifyProgress struct {
	a    *app
	log  geo.CommitLog
	live *term.Live
	told time.Time
}

func newVerifyProgress(a *app, log geo.CommitLog) *verifyProgress {
	p := &verifyProgress{a: a, log: log, told: a.now()}
	if a.err.Terminal {
		p.live = term.NewLive(a.err)
	}
	return p
}

const redrawEvery = 100 * time.Millisecond

func (p *verifyProgress) show(done, total uint64) {
	every := plainEvery
	if p.live != nil {
		every = redrawEvery
	}
	now := p.a.now()
	if now.Sub(p.told) < every {
		return
	}
	p.told = now
	text := fmt.Sprintf("%s: %s of %s offsets compared", p.log, table.Count(done), table.Count(total))
	if p.live != nil {
		p.live.Show(text)
		return
	}
	p.a.notice("%s", text)
}

func (p *verifyProgress) clear() {
	if p.live != nil {
		p.live.Clear()
	}
}

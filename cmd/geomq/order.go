package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"geomq/admin"
	"geomq/cmd/geomq/internal/table"
	"geomq/cmd/geomq/internal/term"
	"geomq/geo"
)

// orderFlags are the flags of every command that changes something.
type orderFlags struct {
	where
	dryRun bool
	yes    bool
	json   bool
	reason string
}

func (f *orderFlags) flags(cmd *cobra.Command) {
	f.where.flags(cmd)
	cmd.Flags().BoolVar(&f.dryRun, "dry-run", false, "show what would be done, and change nothing")
	cmd.Flags().BoolVar(&f.yes, "yes", false, "don't ask first")
	cmd.Flags().BoolVar(&f.json, "json", false, "print the outcome as JSON")
}

// reasonFlag is for what leaves a record.
func (f *orderFlags) reasonFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.reason, "reason", "", "`TEXT` that is kept with the record, for those who wonder later")
}

// orderHelp ends the help of every command that changes something.
const orderHelp = `

It shows the steps first and asks; --yes answers yes, and where nobody answers
nothing is done. Any node of the deployment may be asked: the order is passed on
to the region that carries it out. One that was broken off is finished by the
same command.

Exit codes: 0 it is done, or with --dry-run could be; 5 it was refused or
declined and nothing was changed; 1 it failed on the way.`

// planned is one order in its two forms.
type planned func(dryRun bool) admin.Order

// carryOut plans the orders, asks, and carries them out one after the other. It
// returns what they came to.
func (a *app) carryOut(ctx context.Context, d *deployment, f *orderFlags, orders ...planned) ([]admin.Outcome, error) {
	if f.dryRun || !f.yes {
		plans, err := a.send(ctx, d, true, orders)
		if err != nil {
			return nil, err
		}
		if f.dryRun {
			return plans, a.printOutcomes(f, plans)
		}
		if err := a.confirm(ctx, plans); err != nil {
			return nil, err
		}
	}
	done, err := a.send(ctx, d, false, orders)
	if len(done) > 0 {
		err = errors.Join(a.printOutcomes(f, done), err)
	}
	return done, err
}

// send sends orders until one fails, and returns the outcomes so far.
func (a *app) send(ctx context.Context, d *deployment, dryRun bool, orders []planned) ([]admin.Outcome, error) {
	var outcomes []admin.Outcome
	for _, make := range orders {
		order := make(dryRun)
		progress := newOrderProgress(a)
		outcome, err := d.node.Do(ctx, order, progress.show)
		progress.clear()
		switch {
		case errors.Is(err, admin.ErrBadRequest):
			return outcomes, &usageError{err}
		case ctx.Err() != nil:
			return outcomes, fmt.Errorf("%s was broken off; what was done stays, and the same command finishes it", order.Verb())
		case !dryRun && len(outcomes) > 0 && nothingChanged(err): // but by the orders before
			return outcomes, fmt.Errorf("%s: %v; what was done before stays", order.Verb(), err)
		case errors.Is(err, admin.ErrNotFound) && len(outcomes) == 0:
			return outcomes, fmt.Errorf("%s: %w; %w", order.Verb(), err, errNothingDone)
		case err != nil:
			return outcomes, fmt.Errorf("%s: %w", order.Verb(), err)
		}
		outcomes = append(outcomes, outcome)
	}
	return outcomes, nil
}

// confirm shows the plans and waits for a yes.
func (a *app) confirm(ctx context.Context, plans []admin.Outcome) error {
	for i := range plans {
		for _, line := range outcomeLines(a.err, &plans[i]) {
			a.notice("%s", line)
		}
	}
	fmt.Fprint(a.err, "Do it? [y/N] ")
	answer, err := a.readLine(ctx)
	if err != nil {
		return err
	}
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	case "":
		return fmt.Errorf("%w: nobody said yes; where nobody can be asked, use --yes", errDeclined)
	}
	return errDeclined
}

// readLine reads one line of a.in. A reader that is blocked in the system can't be
// woken, so where ctx ends first it is left behind: the process ends anyway.
func (a *app) readLine(ctx context.Context) (string, error) {
	lines := make(chan string, 1)
	go func() {
		var line []byte
		for one := make([]byte, 1); len(line) < 100; {
			if n, err := io.ReadFull(a.in, one); n == 0 || err != nil || one[0] == '\n' {
				break
			}
			line = append(line, one[0])
		}
		lines <- string(line)
	}()
	select {
	case line := <-lines:
		return line, nil
	case <-ctx.Done():
		a.notice("")
		return "", fmt.Errorf("%w: interrupted", errDeclined)
	}
}

// printOutcomes prints what the orders came to: one JSON object, or a list where
// there are several.
func (a *app) printOutcomes(f *orderFlags, outcomes []admin.Outcome) error {
	switch {
	case !f.json:
		var lines []string
		for i := range outcomes {
			lines = append(lines, outcomeLines(a.out, &outcomes[i])...)
		}
		return a.printLines(lines)
	case len(outcomes) == 1:
		return a.printJSON(outcomes[0])
	}
	return a.printJSON(orEmpty(outcomes))
}

// outcomeLines is a table of the steps and the outcome as a sentence.
func outcomeLines(out term.Output, o *admin.Outcome) []string {
	head := fmt.Sprintf("%s in %s", o.Verb, o.Region)
	if o.DryRun {
		head += ", planned; nothing is changed yet"
	}
	lines := []string{out.Paint(term.Strong, term.Clean(head))}
	t := table.New(table.Column{Title: "  STEP"}, table.Column{Title: "STATE"}, table.Column{Title: "DONE", Right: true}, table.Column{Title: "NOTE"})
	for _, s := range o.Steps {
		t.Row(table.Text("  "+s.Name), table.Cell{Text: string(s.State), Style: stepStyle(s.State)}, table.Text(stepCount(s)), table.Text(s.Note))
	}
	if t.Len() > 0 {
		lines = append(lines, t.Lines(out)...)
	}
	if o.Text != "" {
		lines = append(lines, term.Clean(o.Text))
	}
	return lines
}

func stepStyle(s admin.StepState) term.Style {
	switch s {
	case admin.StepDone:
		return term.Good
	case admin.StepFailed:
		return term.Bad
	}
	return term.Plain
}

// stepCount is e.g. "1,200 of 40,000".
func stepCount(s admin.Step) string {
	switch {
	case s.Total == 0 && s.Done == 0:
		return table.None
	case s.Total == 0:
		return table.Count(s.Done)
	case s.State == admin.StepPlanned:
		return table.Count(s.Total)
	}
	return table.Count(s.Done) + " of " + table.Count(s.Total)
}

// oneLog reads the CommitLog that an order is about.
func oneLog(text string) (geo.CommitLog, error) {
	log, err := geo.ParseCommitLog(text)
	if err != nil {
		return log, usagef("%w; write a log with its origin, e.g. ORDERS@us-east", err)
	}
	return log, nil
}

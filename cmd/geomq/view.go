package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"geomq/admin"
	"geomq/cmd/geomq/internal/term"
)

// view is one way of looking at a status: what `geomq status` and the `ls`
// commands have in common.
type view struct {
	// lines shows it to people, document to programs.
	lines    func(out term.Output, st *admin.Status) []string
	document func(st *admin.Status) any
	// code is the exit code; nil means 0.
	code func(st *admin.Status) int
	// check refuses a status in which there is nothing to show; nil refuses none.
	check func(st *admin.Status) error
}

// viewFlags are the flags of every view.
type viewFlags struct {
	where
	json  bool
	watch bool
}

// newView fills in what a command needs to show v.
func newView(a *app, cmd *cobra.Command, v view) *cobra.Command {
	cmd.Args = arguments()
	return newViewOf(a, cmd, new(viewFlags), func([]string) (view, error) { return v, nil })
}

// newViewOf fills in what a command needs to show what its arguments choose.
func newViewOf(a *app, cmd *cobra.Command, f *viewFlags, choose func(args []string) (view, error)) *cobra.Command {
	f.where.flags(cmd)
	cmd.Flags().BoolVar(&f.json, "json", false, "print JSON as the admin API has it")
	cmd.Flags().BoolVar(&f.watch, "watch", false, "show it again every second until Ctrl-C; with --json, one document a line")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		v, err := choose(args)
		if err != nil {
			return err
		}
		d, err := a.find(cmd.Context(), f.where)
		if err != nil {
			return err
		}
		if f.watch {
			return a.watch(cmd.Context(), d, *f, v)
		}
		return a.show(cmd.Context(), d, f.json, v)
	}
	return cmd
}

// show prints v once.
func (a *app) show(ctx context.Context, d *deployment, asJSON bool, v view) error {
	st, err := ask(ctx, d.node, admin.ScopeAll, askTimeout)
	if err == nil && v.check != nil {
		err = v.check(&st)
	}
	if err != nil {
		return err
	}
	if asJSON {
		err = a.printJSON(v.document(&st))
	} else {
		err = a.printLines(v.lines(a.out, &st))
	}
	if err != nil || v.code == nil || v.code(&st) == exitOK {
		return err
	}
	return &quietExit{v.code(&st)}
}

// watch shows v every tick until ctx ends. A node that does not answer is asked
// again, since watching an outage is what this is for.
func (a *app) watch(ctx context.Context, d *deployment, f viewFlags, v view) error {
	frame, end := a.frames(f.json, v)
	defer end()
	for {
		st, err := ask(ctx, d.node, admin.ScopeAll, askTimeout)
		if ctx.Err() != nil {
			return nil
		}
		if errors.Is(err, admin.ErrForeign) || errors.Is(err, admin.ErrBadRequest) {
			return err // it won't get better
		}
		if err != nil {
			d = a.findAnother(ctx, f.where, d)
		}
		if err == nil && v.check != nil {
			err = v.check(&st)
		}
		if err := frame(&st, err); err != nil {
			return err
		}
		if !pause(ctx, a.tick) {
			return nil
		}
	}
}

// findAnother is a node that answers in place of one that fell silent, or that
// one if there is none: it may come back.
func (a *app) findAnother(ctx context.Context, w where, silent *deployment) *deployment {
	if other, err := a.find(ctx, w); err == nil {
		return other
	}
	return silent
}

// frames returns what shows one answer, and what ends the showing.
func (a *app) frames(asJSON bool, v view) (frame func(*admin.Status, error) error, end func()) {
	trouble := func(err error) error {
		a.notice("geomq: %s", explain(err))
		return nil
	}
	switch {
	case asJSON:
		return func(st *admin.Status, err error) error {
			if err != nil {
				return trouble(err)
			}
			return a.printJSONLine(v.document(st))
		}, func() {}
	case !a.out.Terminal:
		return func(st *admin.Status, err error) error {
			if err != nil {
				return trouble(err)
			}
			return a.printLines(append(v.lines(a.out, st), ""))
		}, func() {}
	}
	return a.screen(v)
}

// screen keeps the last answer on the terminal while there is no newer one.
func (a *app) screen(v view) (frame func(*admin.Status, error) error, end func()) {
	screen := term.NewScreen(a.out)
	var last []string
	return func(st *admin.Status, err error) error {
		head := a.now().Format(time.TimeOnly) + "  Ctrl-C ends"
		if err != nil {
			head = a.out.Paint(term.Bad, a.now().Format(time.TimeOnly)+"  what is below is older: "+term.Clean(err.Error()))
		} else {
			last = v.lines(a.out, st)
		}
		screen.Draw(append([]string{head, ""}, last...))
		return nil
	}, screen.Close
}

// orEmpty makes a nil slice an empty list, which JSON writes as [].
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

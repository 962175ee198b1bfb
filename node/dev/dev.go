package dev

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"

	"geomq/admin"
	"geomq/broker"
	"geomq/configs"
	"geomq/geo"
	"geomq/node"
)

// startPatience bounds how long a deployment may take to answer.
const startPatience = 90 * time.Second

// lockPatience is how long a data folder may stay in use by a process that was
// killed.
const lockPatience = 2 * time.Second

// Options say what to run. Empty fields take the defaults of `geomq dev`.
type Options struct {
	Regions     []geo.Region
	Brokers     int    // per region
	Data        string // folder
	RandomPorts bool   // free ports instead of the default ones
	Out         io.Writer
	Terminal    bool // Out is a terminal: the links' lines are redrawn in place
	Version     string
	// Log gets the nodes' lines; nil discards them.
	Log *slog.Logger
}

func (o *Options) fill() error {
	if len(o.Regions) == 0 {
		o.Regions = DefaultRegions()
	}
	o.Brokers = max(o.Brokers, 1)
	if o.Out == nil {
		o.Out = io.Discard
	}
	if o.Data != "" {
		return nil
	}
	var err error
	o.Data, err = DefaultData()
	return err
}

// Run starts the deployment, says how to use it, shows its links, and returns
// when ctx ends and everything has been closed. An error says what could not be
// started and what to do.
func Run(ctx context.Context, o Options) error {
	if err := o.fill(); err != nil {
		return err
	}
	began := time.Now()
	lock, err := o.take(ctx)
	if err != nil {
		return err
	}
	defer lock.Close()
	cfgs, err := o.lay()
	if err != nil {
		return err
	}
	nodes, err := o.nodes(cfgs)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var running sync.WaitGroup
	failures := make([]error, len(nodes))
	for i, n := range nodes {
		running.Go(func() {
			if failures[i] = n.Run(ctx); failures[i] != nil {
				cancel(failures[i])
			}
		})
	}
	fmt.Fprintf(o.Out, "starting %s, data in %s\n", counted(len(o.Regions)), o.Data)
	if err := o.serve(ctx, nodes, began); err != nil {
		cancel(err)
	}
	<-ctx.Done()
	fmt.Fprintln(o.Out, "\nclosing")
	running.Wait()
	return errors.Join(unless(context.Cause(ctx), context.Canceled), errors.Join(distinct(failures, context.Cause(ctx))...))
}

func counted(regions int) string {
	if regions == 1 {
		return "1 region"
	}
	return fmt.Sprintf("%d regions", regions)
}

// take makes the folder this process' own and forgets the addresses of the start
// before.
func (o *Options) take(ctx context.Context) (io.Closer, error) {
	lock, err := lockFolder(ctx, o.Data)
	if err != nil {
		return nil, err
	}
	if err := os.Remove(AddressesFile(o.Data)); err != nil && !errors.Is(err, os.ErrNotExist) {
		lock.Close()
		return nil, fmt.Errorf("remove the addresses of the last start: %w", err)
	}
	return lock, nil
}

// lockFolder waits a moment for a folder that is in use: the kernel takes some time
// to clear away a process that was killed. The folder comes free among the first
// things; the ports, and the folders of the nodes, are given a moment more.
func lockFolder(ctx context.Context, folder string) (io.Closer, error) {
	ctx, cancel := context.WithTimeout(ctx, lockPatience)
	defer cancel()
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	for waited := false; ; waited = true {
		lock, err := broker.LockFolder(folder)
		if err == nil && waited {
			<-again.C
		}
		if !errors.Is(err, broker.ErrDataInUse) {
			return lock, err
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return nil, err
		}
	}
}

// serve waits until everything answers, says so, and shows the links until ctx
// ends.
func (o *Options) serve(ctx context.Context, nodes []*node.Node, began time.Time) error {
	if err := o.awaitReady(ctx, nodes); err != nil || ctx.Err() != nil {
		return err
	}
	addresses := o.addresses(nodes)
	text, err := json.Marshal(addresses)
	if err != nil {
		return err
	}
	if err := writeFile(AddressesFile(o.Data), text); err != nil {
		return err
	}
	o.greet(addresses, time.Since(began))
	o.watch(ctx, nodes)
	return nil
}

func (o *Options) nodes(cfgs []*configs.Config) ([]*node.Node, error) {
	var nodes []*node.Node
	for _, cfg := range cfgs {
		n, err := node.New(cfg, node.Options{Version: o.Version, Log: o.Log})
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, n)
	}
	return nodes, nil
}

// awaitReady returns when every log is open and every link streams, or when ctx
// ends.
func (o *Options) awaitReady(ctx context.Context, nodes []*node.Node) error {
	late := time.NewTimer(startPatience)
	defer late.Stop()
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	for {
		missing := o.missing(nodes)
		if missing == "" {
			return nil
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return nil
		case <-late.C:
			return fmt.Errorf("not everything answers after %s: %s; run again with --verbose to see why", startPatience, missing)
		}
	}
}

// missing says what doesn't answer yet, or nothing.
func (o *Options) missing(nodes []*node.Node) string {
	streaming := 0
	for _, n := range nodes {
		select {
		case <-n.Ready():
		default:
			return fmt.Sprintf("node %s is not ready", n.Name())
		}
		for _, l := range n.Links() {
			if l.State == admin.LinkStreaming {
				streaming++
				continue
			}
			if l.State == admin.LinkHalted {
				return "" // waiting longer would not help; the table shows it
			}
		}
	}
	const logs = 2 // the one of events, and each region's control log
	if want := logs * len(o.Regions) * (len(o.Regions) - 1); streaming < want {
		return fmt.Sprintf("%d of %d links stream", streaming, want)
	}
	return ""
}

func (o *Options) addresses(nodes []*node.Node) Addresses {
	var a Addresses
	for i, region := range o.Regions {
		first := nodes[i*o.Brokers]
		a.Regions = append(a.Regions, RegionAddresses{Name: region, NATS: first.NATS(), Admin: first.Admin()})
	}
	return a
}

func unless(err, usual error) error {
	if errors.Is(err, usual) {
		return nil
	}
	return err
}

// distinct leaves out nil and what is reported as the cause already.
func distinct(errs []error, cause error) []error {
	return slices.DeleteFunc(slices.Clone(errs), func(err error) bool { return err == nil || err == cause })
}

package main

import (
	"context"
	"log/slog"

	"geomq/configs"
	"geomq/node"
	"geomq/node/dev"
)

// serveNode is serving with a real node.
func serveNode(ctx context.Context, version string, cfg *configs.Config, log *slog.Logger, ready func(nats, admin string)) error {
	n, err := node.New(cfg, node.Options{Version: version, Log: log})
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx) }()
	select {
	case err := <-ended:
		return err
	case <-n.Ready():
		ready(n.NATS(), n.Admin())
	}
	return <-ended
}

// runDev runs a real deployment.
func runDev(ctx context.Context, r devRequest) error {
	return dev.Run(ctx, dev.Options{
		Regions: r.regions, Brokers: r.brokers, Data: r.data, RandomPorts: r.randomPorts,
		Out: r.out, Terminal: r.terminal, Log: r.log, Version: r.version,
	})
}

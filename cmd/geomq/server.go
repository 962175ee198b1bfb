package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"

	"github.com/spf13/cobra"

	"geomq/configs"
)

// serving runs one node until ctx ends; ready is called with its addresses once
// it answers.
type serving func(ctx context.Context, version string, cfg *configs.Config, log *slog.Logger, ready func(nats, admin string)) error

// logFlags say how a process writes its log.
type logFlags struct {
	format string
	level  string
}

func (f *logFlags) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.format, "log-format", "text", "`FORMAT` of the log on stderr: text or json")
	cmd.Flags().StringVar(&f.level, "log-level", "info", "least `LEVEL` that is logged: debug, info, warn or error")
}

func (f *logFlags) logger(w io.Writer) (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(f.level)); err != nil {
		return nil, usagef("--log-level %q is unknown; known are debug, info, warn, error", f.level)
	}
	options := &slog.HandlerOptions{Level: level}
	switch f.format {
	case "text":
		return slog.New(slog.NewTextHandler(w, options)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, options)), nil
	}
	return nil, usagef("--log-format %q is unknown; known are text and json", f.format)
}

func newServer(a *app) *cobra.Command {
	var file string
	var logs logFlags
	cmd := &cobra.Command{
		Use:   "server",
		Short: "Run one node of a deployment",
		Long: `server runs one node as its configuration says, until Ctrl-C or SIGTERM ends it
cleanly; then the exit code is 0. Its log goes to stderr.`,
		Example: `  geomq server -c /etc/geomq/geomq.yaml
  geomq server -c geomq.yaml --log-format json --log-level debug`,
		Args: arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if file == "" {
				return usagef("geomq server needs -c FILE; examples are in configs/examples")
			}
			log, err := logs.logger(a.err)
			if err != nil {
				return err
			}
			cfg, err := configs.Load(file)
			if err != nil {
				return describeConfig(file, err)
			}
			return a.runServer(cmd.Context(), cfg, log)
		},
	}
	cmd.Flags().StringVarP(&file, "config", "c", "", "configuration `FILE`")
	logs.flags(cmd)
	return cmd
}

func (a *app) runServer(ctx context.Context, cfg *configs.Config, log *slog.Logger) error {
	own := log.With("region", cfg.Region, "node", cfg.Node) // the node does the same with its own lines
	own.Info("starting", "version", a.version, "data", cfg.Data)
	err := a.serve(ctx, a.version, cfg, log, func(nats, admin string) { own.Info("ready", "nats", nats, "admin", admin) })
	if err != nil {
		return fmt.Errorf("node %s of region %s: %w", cfg.Node, cfg.Region, err)
	}
	own.Info("stopped")
	return nil
}

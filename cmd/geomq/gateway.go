package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	"github.com/spf13/cobra"

	"geomq/admin/gatewayhttp"
	"geomq/configs"
	"geomq/geo"
	"geomq/geo/gateway"
)

type gatewayFlags struct {
	file     string
	backends []string
	listen   string
	admin    string
	region   string
	prefer   []string
	tell     []string // --advertise
	insecure bool
	check    bool
	logs     logFlags
}

func newGateway(a *app) *cobra.Command {
	var f gatewayFlags
	cmd := &cobra.Command{
		Use:   "gateway",
		Short: "Take NATS clients to brokers that serve, and away from those that stop",
		Long: `gateway runs a TCP gateway beside applications, until Ctrl-C or SIGTERM ends it
cleanly. NATS clients connect to it as to any NATS server. It takes them to a
broker that serves, in its own region first, and closes their connections when
that broker dies, even without telling anybody, so that they reconnect at
another one.

Backends are named by -c FILE, as in configs/examples/gateway.yaml, or by
--backend. A user and password in a backend's URL are for the gateway's own
probe. TLS is passed on unless the file gives the gateway a certificate. Metrics
and status are at --admin.`,
		Example: `  geomq gateway -c gateway.yaml
  geomq gateway --backend us-east=nats://10.0.0.1:4222,admin=http://10.0.0.1:8300 --backend us-east=nats://10.0.0.2:4222
  geomq gateway --backend eu=nats://e:4222 --backend us=nats://u:4222 --region eu --listen 127.0.0.1:4222`,
		Args: arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := f.config(cmd.Flags().Changed)
			if err != nil {
				return err
			}
			if f.check {
				return a.printLines([]string{fmt.Sprintf("ok: listens on %s, status at %s, %s", cfg.Listen, cfg.Admin, plural(len(cfg.Backends), "backend"))})
			}
			log, err := f.logs.logger(a.err)
			if err != nil {
				return err
			}
			return runGateway(cmd.Context(), cfg, filepath.Dir(f.file), log)
		},
	}
	cmd.Flags().StringVarP(&f.file, "config", "c", "", "configuration `FILE`; excludes the flags below, but for --check and those of the log")
	cmd.Flags().StringArrayVar(&f.backends, "backend", nil, "`BACKEND`: REGION=nats://[USER:PASSWORD@]HOST:PORT[,admin=URL][,name=NAME]; repeat it for more")
	cmd.Flags().StringVar(&f.listen, "listen", configs.GatewayDefaults().Listen, "`HOST:PORT` for clients")
	cmd.Flags().StringVar(&f.admin, "admin", configs.GatewayDefaults().Admin, "`HOST:PORT` of metrics and status")
	cmd.Flags().StringVar(&f.region, "region", "", "the gateway's own `REGION`, whose backends come first")
	cmd.Flags().StringSliceVar(&f.prefer, "prefer", nil, "`REGIONS` in the order to be used after that (default: by round trip)")
	cmd.Flags().StringSliceVar(&f.tell, "advertise", nil, "`HOST:PORT` of this and other gateways, told to clients: with two they reconnect without waiting")
	cmd.Flags().BoolVar(&f.insecure, "insecure", false, "allow listeners beyond loopback although clients may speak in clear")
	cmd.Flags().BoolVar(&f.check, "check", false, "only check the configuration")
	f.logs.flags(cmd)
	cmd.SetUsageTemplate(new(cobra.Command).UsageTemplate()) // unlike other groups it can be run itself
	cmd.AddCommand(newGatewayStatus(a))
	return cmd
}

// config is what the file or the flags say.
func (f *gatewayFlags) config(changed func(string) bool) (*configs.Gateway, error) {
	if f.file == "" {
		return f.fromFlags()
	}
	for _, name := range []string{"backend", "listen", "admin", "region", "prefer", "advertise", "insecure"} {
		if changed(name) {
			return nil, usagef("-c FILE and --%s exclude each other; put it into the file", name)
		}
	}
	cfg, err := configs.LoadGateway(f.file)
	if err != nil {
		return nil, describeConfig(f.file, err)
	}
	return cfg, nil
}

func (f *gatewayFlags) fromFlags() (*configs.Gateway, error) {
	if len(f.backends) == 0 {
		return nil, usagef("geomq gateway needs -c FILE or --backend REGION=nats://HOST:PORT")
	}
	cfg := configs.GatewayDefaults()
	cfg.Listen, cfg.Admin, cfg.Region = f.listen, f.admin, geo.Region(f.region)
	cfg.Advertise, cfg.Insecure = f.tell, f.insecure
	for _, r := range f.prefer {
		cfg.Prefer = append(cfg.Prefer, geo.Region(r))
	}
	for _, text := range f.backends {
		b, err := configs.ParseBackend(text)
		if err != nil {
			return nil, &usageError{err}
		}
		cfg.Backends = append(cfg.Backends, b)
	}
	if problems := cfg.Validate(); len(problems) > 0 {
		return nil, &usageError{problems}
	}
	return &cfg, nil
}

// runGateway serves until ctx ends; files of cfg count from folder.
func runGateway(ctx context.Context, cfg *configs.Gateway, folder string, log *slog.Logger) error {
	own, err := gatewayConfig(cfg, folder, log)
	if err != nil {
		return err
	}
	g, err := gateway.New(own)
	if err != nil {
		return err
	}
	status, err := gatewayhttp.New(cfg.Admin, g.Status)
	if err != nil {
		g.Close()
		return err
	}
	log.Info("metrics and status are served", "admin", "http://"+status.Addr())
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var failed error
	var group sync.WaitGroup
	group.Go(func() {
		defer cancel()
		failed = status.Run(ctx)
	})
	err = g.Run(ctx)
	cancel()
	group.Wait()
	log.Info("stopped")
	return errors.Join(err, failed)
}

func gatewayConfig(cfg *configs.Gateway, folder string, log *slog.Logger) (gateway.Config, error) {
	backends := make(gateway.Static, len(cfg.Backends))
	for i, b := range cfg.Backends {
		var err error
		if backends[i], err = b.Backend(); err != nil {
			return gateway.Config{}, err
		}
	}
	tls, err := gatewayTLS(cfg.TLS, folder)
	return gateway.Config{
		Listen: cfg.Listen, Directory: backends, TLS: tls, Advertise: cfg.Advertise, Log: log,
		ProbeEvery: cfg.Probe, DialTimeout: cfg.DialTimeout, MaxConnections: cfg.MaxConnections,
		Terms: gateway.Terms{
			Region: cfg.Region, Prefer: cfg.Prefer, Stay: cfg.Failback == configs.FailbackManual,
			HomeAfter: cfg.HomeAfter, DeadAfter: cfg.DeadAfter, Rate: float64(cfg.DrainRate),
		},
	}, err
}

// gatewayTLS reads the files that t names.
func gatewayTLS(t configs.GatewayTLS, folder string) (gateway.TLS, error) {
	made := gateway.TLS{HandshakeFirst: t.HandshakeFirst}
	if t.Cert != "" {
		pair, err := tls.LoadX509KeyPair(inFolder(folder, t.Cert), inFolder(folder, t.Key))
		if err != nil {
			return made, fmt.Errorf("tls.cert and tls.key: %w", err)
		}
		made.Server = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}}
	}
	if t.ClientCA != "" {
		pool, err := authorities(inFolder(folder, t.ClientCA))
		if err != nil {
			return made, fmt.Errorf("tls.client_ca: %w", err)
		}
		made.Server.ClientCAs, made.Server.ClientAuth = pool, tls.RequireAndVerifyClientCert
	}
	if t.BackendCA == "" && t.BackendCert == "" {
		return made, nil
	}
	made.Backend = &tls.Config{MinVersion: tls.VersionTLS12}
	if t.BackendCA != "" {
		pool, err := authorities(inFolder(folder, t.BackendCA))
		if err != nil {
			return made, fmt.Errorf("tls.backend_ca: %w", err)
		}
		made.Backend.RootCAs = pool
	}
	if t.BackendCert != "" {
		pair, err := tls.LoadX509KeyPair(inFolder(folder, t.BackendCert), inFolder(folder, t.BackendKey))
		if err != nil {
			return made, fmt.Errorf("tls.backend_cert and tls.backend_key: %w", err)
		}
		made.Backend.Certificates = []tls.Certificate{pair}
	}
	return made, nil
}

func authorities(file string) (*x509.CertPool, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s holds no certificate in PEM form", file)
	}
	return pool, nil
}

func inFolder(folder, file string) string {
	if filepath.IsAbs(file) {
		return file
	}
	return filepath.Join(folder, file)
}

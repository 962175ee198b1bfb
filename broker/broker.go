package broker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"geomq/broker/wire"
	"geomq/geo"
)

const (
	// ownSubjects are those that only geomq may use in account APP.
	ownSubjects = "geomq.>"
	// accountApp holds the streams.
	accountApp = "APP"
	// inboxPrefix is where replies to the agent go: a client could listen to
	// the usual one.
	inboxPrefix = "geomq.inbox"
	// startTimeout bounds Open where its context doesn't.
	startTimeout = 60 * time.Second
)

// Broker is one embedded server of a region's cluster. Its methods may be called
// from any number of goroutines.
type Broker struct {
	cfg    Config
	engine engine
	conn   *nats.Conn
	system *nats.Conn // in the system account
	lock   io.Closer
	api    api

	gate sync.Mutex         // guards shut, and orders its changes
	shut map[geo.Topic]bool // what clients can't publish to
	// configs is held from reading a stream's configuration to changing it.
	configs sync.Mutex
	copying sync.Mutex // one copy of a configuration is written at a time

	closing sync.Once
}

// Open starts the server and returns when JetStream answers: at once where it
// stands alone, else when the cluster has a meta leader. Errors: ErrConfig,
// ErrPortBusy, ErrDataInUse, ErrStart, or ctx's. Until Close the data folder
// belongs to this process.
func Open(ctx context.Context, cfg Config) (*Broker, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	lock, err := LockFolder(cfg.Data)
	if err != nil {
		return nil, fmt.Errorf("open broker %s: %w", cfg.Name, err)
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	b := &Broker{cfg: cfg, lock: lock, shut: map[geo.Topic]bool{}}
	for _, topic := range cfg.Shut {
		b.shut[topic] = true
	}
	if err := b.start(ctx); err != nil {
		b.Close()
		return nil, fmt.Errorf("open broker %s: %w", cfg.Name, err)
	}
	return b, nil
}

func (b *Broker) start(ctx context.Context) error {
	if err := b.startServer(ctx); err != nil {
		return err
	}
	var err error
	if b.conn, err = b.connect(userAgent); err != nil {
		return err
	}
	if b.system, err = b.connect(userSystem); err != nil {
		return err
	}
	b.api = api{conn: b.conn, system: b.system, cluster: b.cfg.Cluster}
	if err := servePublic(b.conn); err != nil {
		return fmt.Errorf("%w: serve clients: %w", ErrStart, err)
	}
	return b.awaitJetStream(ctx)
}

// connect opens a connection of our own that is kept for good.
func (b *Broker) connect(user string) (*nats.Conn, error) {
	conn, err := nats.Connect(b.LocalURL(), nats.IgnoreDiscoveredServers(),
		nats.UserInfo(user, password(b.cfg.Secret, user)), nats.Name("geomq "+user+" "+b.cfg.Name),
		nats.CustomInboxPrefix(inboxPrefix), nats.MaxReconnects(-1), nats.ReconnectWait(100*time.Millisecond),
		nats.ReconnectJitter(0, 0), nats.PingInterval(5*time.Second), nats.ErrorHandler(b.connectionError))
	if err != nil {
		return nil, fmt.Errorf("%w: connect to it as %s: %w", ErrStart, user, err)
	}
	return conn, nil
}

func (b *Broker) startServer(ctx context.Context) error {
	if err := b.checkPorts(); err != nil {
		return err
	}
	if err := b.completeRemovals(); err != nil {
		return fmt.Errorf("%w: complete removals: %w", ErrStart, err)
	}
	path, err := writeServerConfig(b.cfg)
	if err != nil {
		return err
	}
	opts, err := server.ProcessConfigFile(path)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrConfig, err)
	}
	opts.NoSigs, opts.NoLog = true, true
	s, err := server.NewServer(opts)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrStart, err)
	}
	log := &engineLog{serverLog: serverLog{log: b.cfg.Log.With("server", b.cfg.Name)}}
	s.SetLoggerV2(log, false, false, false)
	if err := b.install(s, log); err != nil {
		return fmt.Errorf("%w: %w", ErrStart, err)
	}
	s.Start()
	for ready := false; !ready; ready = s.ReadyForConnections(100 * time.Millisecond) {
		if ctx.Err() != nil || log.gaveUp() || !s.Running() {
			return b.startError(log.complaint())
		}
	}
	b.keepPorts(s)
	return nil
}

// startError takes the server's complaint for what it is; a port may have been
// taken after checkPorts looked.
func (b *Broker) startError(complaint string) error {
	if strings.Contains(complaint, "address already in use") {
		return &PortBusyError{Address: b.cfg.Listen}
	}
	return fmt.Errorf("%w: %s", ErrStart, complaint)
}

// LocalURL is where this process reaches the server, whatever is advertised: an
// advertised address may be a proxy's, or one that leads in from outside only.
func (b *Broker) LocalURL() string {
	address := b.engine.listens()
	host := address.IP.String()
	if len(address.IP) == 0 || address.IP.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "nats://" + net.JoinHostPort(host, strconv.Itoa(address.Port))
}

// checkPorts finds out what the server would report with a log line only.
func (b *Broker) checkPorts() error {
	addresses := []string{b.cfg.Listen}
	if b.cfg.clustered() {
		addresses = append(addresses, b.cfg.ClusterListen)
	}
	for _, address := range addresses {
		listener, err := net.Listen("tcp", address)
		if errors.Is(err, syscall.EADDRINUSE) {
			return &PortBusyError{Address: address}
		}
		if err != nil {
			return fmt.Errorf("%w: %w", ErrStart, err)
		}
		listener.Close()
	}
	return nil
}

// awaitJetStream returns when the API answers, which in a cluster takes a meta
// leader.
func (b *Broker) awaitJetStream(ctx context.Context) error {
	return retry(ctx, func() error { return b.api.ready(ctx) })
}

// URL is where clients connect, e.g. nats://127.0.0.1:4222: what is advertised,
// else where the server listens. Sinks of other regions use the same with
// LinkUser and LinkPassword.
func (b *Broker) URL() string {
	if b.cfg.ClientAdvertise != "" {
		return "nats://" + b.cfg.ClientAdvertise
	}
	return b.LocalURL()
}

// ServerID changes with every start of the server.
func (b *Broker) ServerID() string { return b.server().ID() }

// Name is the server's name in its cluster.
func (b *Broker) Name() string { return b.cfg.Name }

// MaxPayload is the largest message the server takes, in bytes.
func (b *Broker) MaxPayload() int64 { return b.cfg.MaxPayload }

// Conn is the agent's connection, for services and administration in account
// APP. It belongs to the Broker, which closes it.
func (b *Broker) Conn() *nats.Conn { return b.conn }

// dial opens a connection for the data path, as the agent. Whoever dials closes
// it.
func (b *Broker) dial(ctx context.Context, name string) (*wire.Conn, error) {
	return wire.Dial(ctx, wire.Config{
		URL: b.LocalURL(), User: userAgent, Password: password(b.cfg.Secret, userAgent),
		Name: name, Log: b.cfg.Log,
	})
}

// Close ends the agent's connection, stops the server, waits until its files are
// closed and gives the data folder back. Readers and Appenders end with an
// error. Calling it again does nothing.
func (b *Broker) Close() error {
	b.closing.Do(func() {
		if b.conn != nil {
			b.conn.Close()
		}
		if b.system != nil {
			b.system.Close()
		}
		b.engine.close()
		b.stopServer()
		b.lock.Close()
	})
	return nil
}

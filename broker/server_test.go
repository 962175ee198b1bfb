package broker

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestBusyPortIsNamed(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	cfg := testConfig(t, "us-east")
	cfg.Listen = listener.Addr().String()
	_, err = Open(deadline(t), cfg)
	var busy *PortBusyError
	if !errors.Is(err, ErrPortBusy) || !errors.As(err, &busy) || busy.Address != cfg.Listen {
		t.Fatalf("got %v", err)
	}
	cfg.Listen = "127.0.0.1:0"
	openBroker(t, cfg) // the failed attempt left the folder free
}

func TestDataBelongsToOneProcess(t *testing.T) {
	cfg := testConfig(t, "us-east")
	b := openBroker(t, cfg)
	_, err := Open(deadline(t), cfg)
	var inUse *DataInUseError
	if !errors.Is(err, ErrDataInUse) || !errors.As(err, &inUse) || inUse.Folder != cfg.Data {
		t.Fatalf("got %v", err)
	}
	b.Close()
	openBroker(t, cfg)
}

func TestConfigurationIsChecked(t *testing.T) {
	_, err := Open(deadline(t), Config{Listen: "nowhere", Brokers: 3, MaxPayload: 100})
	if !errors.Is(err, ErrConfig) {
		t.Fatalf("got %v", err)
	}
	for _, problem := range []string{"no name", "cluster", "data folder", "secret", "max payload", "client address", "cluster address", "routes"} {
		if !strings.Contains(err.Error(), problem) {
			t.Errorf("%q is not in %v", problem, err)
		}
	}
}

func TestAStartThatFailsTellsWhy(t *testing.T) {
	cfg := testConfig(t, "us-east")
	if err := os.WriteFile(filepath.Join(cfg.Data, "jetstream"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Open(deadline(t), cfg)
	if !errors.Is(err, ErrStart) || !strings.Contains(err.Error(), "JetStream") {
		t.Fatalf("got %v", err)
	}
}

func TestConfigurationFileIsPrivate(t *testing.T) {
	cfg := testConfig(t, "us-east")
	openBroker(t, cfg)
	info, err := os.Stat(filepath.Join(cfg.Data, "server.conf"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("got %v, %v", info.Mode(), err)
	}
}

func TestTheServerGetsItsSettings(t *testing.T) {
	cfg := testConfig(t, "us-east")
	cfg.SyncAlways, cfg.MaxStore, cfg.MaxPayload = true, 123<<20, 2<<20
	cfg.ClientAdvertise = "geomq.example:4222"
	cfg.Data = filepath.Join(cfg.Data, `a "quoted" \ folder`)
	b := openBroker(t, cfg)
	js := b.server().JetStreamConfig()
	if !js.SyncAlways || js.MaxStore != 123<<20 || js.Domain != "us-east" || js.StoreDir != filepath.Join(cfg.Data, "jetstream") {
		t.Errorf("JetStream has %+v", js)
	}
	if b.conn.MaxPayload() != 2<<20 || b.Name() != "us-east-1" || b.URL() != "nats://geomq.example:4222" {
		t.Errorf("max payload %d, name %q, URL %q", b.conn.MaxPayload(), b.Name(), b.URL())
	}
}

func TestPasswordsDiffer(t *testing.T) {
	if LinkPassword([]byte("a")) == LinkPassword([]byte("b")) || LinkPassword(secret) == password(secret, userAgent) {
		t.Fatal("passwords don't depend on secret and user")
	}
}

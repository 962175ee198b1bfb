package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"geomq/configs"
	"geomq/geo"
)

func TestServerRunsTheConfiguredNodeAndLogsItsAddresses(t *testing.T) {
	c := newCLI(nil)
	c.serve = func(_ context.Context, version string, cfg *configs.Config, _ *slog.Logger, ready func(nats, admin string)) error {
		if version != "1.2.3" || cfg.Region != "us-east" {
			t.Errorf("version %s, region %s", version, cfg.Region)
		}
		ready("nats://127.0.0.1:1", "http://127.0.0.1:2")
		return nil
	}
	r := c.run(t.Context(), "server", "-c", writeConfig(t, validConfig))
	if r.code != exitOK || r.out != "" {
		t.Errorf("exit code %d, stdout %q", r.code, r.out)
	}
	contains(t, r.err, "msg=ready region=us-east node=us-east-1 nats=nats://127.0.0.1:1 admin=http://127.0.0.1:2", "msg=stopped")
	r = c.run(t.Context(), "server", "-c", writeConfig(t, validConfig), "--log-format", "json", "--log-level", "error")
	if r.err != "" {
		t.Errorf("at level error it says %s", r.err)
	}
}

func TestServerThatCanNotStartSaysWhichNodeAndWhatToDo(t *testing.T) {
	c := newCLI(nil)
	c.serve = func(context.Context, string, *configs.Config, *slog.Logger, func(string, string)) error {
		return fmt.Errorf("listen on 127.0.0.1:4222: %w", syscall.EADDRINUSE)
	}
	r := c.run(t.Context(), "server", "-c", writeConfig(t, validConfig))
	if r.code != exitFailed {
		t.Errorf("exit code %d", r.code)
	}
	contains(t, r.err, "node us-east-1 of region us-east: listen on 127.0.0.1:4222", hintPort)
}

func TestServerRefusesAWrongConfiguration(t *testing.T) {
	r := newCLI(nil).run(t.Context(), "server", "-c", writeConfig(t, "region: US\n"))
	if r.code != exitFailed {
		t.Errorf("exit code %d", r.code)
	}
	contains(t, r.err, "problems\n", "region (line 1)")
}

func TestDevPassesOnWhatWasAskedFor(t *testing.T) {
	c := newCLI(nil)
	var got devRequest
	c.runDev = func(_ context.Context, r devRequest) error { got = r; return nil }
	r := c.run(t.Context(), "dev", "--regions", "tokyo, paris", "--brokers", "3", "--ports", "random", "--data", "/d", "--verbose")
	if r.code != exitOK {
		t.Fatalf("exit code %d: %s", r.code, r.err)
	}
	if !slices.Equal(got.regions, []geo.Region{"tokyo", "paris"}) || got.brokers != 3 || !got.randomPorts || got.data != "/d" || got.log == nil || got.version != "1.2.3" {
		t.Errorf("%+v", got)
	}
	if r = c.run(t.Context(), "dev"); got.regions != nil || got.log != nil || got.randomPorts {
		t.Errorf("defaults: %+v", got)
	}
}

func TestTheSecondInterruptEndsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		signals, done := make(chan os.Signal), make(chan struct{})
		calls := make(chan string, 2)
		go watchSignals(signals, done, func() { calls <- "first" }, func() { calls <- "second" })
		signals <- os.Interrupt
		if got := <-calls; got != "first" {
			t.Errorf("the first signal does what the %s should", got)
		}
		signals <- os.Interrupt // the same Ctrl-C once more, from whoever started us
		synctest.Wait()
		if len(calls) > 0 {
			t.Error("one Ctrl-C that came twice ended the process at once")
		}
		time.Sleep(sameSignal + time.Millisecond)
		signals <- syscall.SIGTERM
		if got := <-calls; got != "second" {
			t.Errorf("the second signal does what the %s should", got)
		}
	})
}

func TestSignalsAreGivenBack(t *testing.T) {
	ctx, stop := interruptible(t.Context(), &strings.Builder{})
	if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-ctx.Done()
	stop()
	if !errors.Is(ctx.Err(), context.Canceled) {
		t.Error(ctx.Err())
	}
}

package geotest

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// TestKill kills all regions at once while events are imported, a few times.
// TestSlowKill does so twenty times.
func TestKill(t *testing.T) { killWhileImporting(t, 3, 6000) }

// killWhileImporting imports events at about a thousand a second into a
// deployment whose process is killed, with everything in it, again and again.
// What the import was told must be there in every region, once, in order and at
// the offset it was told; and no region may ever have shown anything else there.
func killWhileImporting(t *testing.T, kills, events int) {
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("GEOMQ_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("seed %d; GEOMQ_SEED=%d runs it again", seed, seed)
	rng := rand.New(rand.NewPCG(seed, 0))

	d := StartDev(t, t.TempDir())
	h := NewHistory()
	h.Key = lineOf
	watching, stopWatching := context.WithCancel(t.Context())
	defer stopWatching()
	for _, r := range d.Regions[1:] {
		go h.Observe(watching, r, "ORDERS@us-east")
	}

	acks := filepath.Join(t.TempDir(), "acks")
	importing := startImport(t, d, acks, Events(t, events))
	share := time.Duration(events) * time.Millisecond / time.Duration(kills+1)
	for range kills {
		select {
		case <-time.After(share/2 + time.Duration(rng.Int64N(int64(share)))):
		case <-importing.done:
		}
		d.Process.Kill()
		d.Restart(t)
	}
	if err := importing.wait(3 * time.Minute); err != nil {
		t.Fatal(err)
	}

	d.Verify(t, time.Minute)
	f, err := os.Open(acks)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := h.ReadAcks(f); err != nil {
		t.Fatal(err)
	}
	var holdings []Holding
	for _, r := range d.Regions {
		Await(t, 30*time.Second, func(ctx context.Context) error {
			holding, err := h.Hold(ctx, r, "ORDERS@us-east")
			if err == nil && len(holding.Entries) < events {
				err = fmt.Errorf("%s holds %d of %d", r.Name, len(holding.Entries), events)
			}
			if err == nil {
				holdings = append(holdings, holding)
			}
			return err
		})
	}
	if got := h.AckCount(); got != events {
		t.Errorf("the import was told of %d events, not %d", got, events)
	}
	if err := h.Check(holdings, placeOf); err != nil {
		t.Error(err)
	}
	t.Logf("%d kills, %d events acknowledged, %d offsets watched in %d regions", kills, h.AckCount(), h.SeenCount(), len(holdings))
}

// importing is `geomq import -`, fed at a steady rate.
type importing struct {
	cmd  *exec.Cmd
	out  tail
	done chan struct{}
	err  error
}

func startImport(t *testing.T, d *Dev, acks string, events []Event) *importing {
	t.Helper()
	i := &importing{done: make(chan struct{})}
	i.cmd = exec.Command(Binary(t), "import", "-", "--topic", "orders.created", "--key", "page",
		"--nats", d.Region(t, "us-east").NATS, "--ack-log", acks, "--quiet")
	i.cmd.Stdout, i.cmd.Stderr = &i.out, &i.out
	in, err := i.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := i.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = i.cmd.Process.Kill() })
	go feed(in, events)
	go func() {
		i.err = i.cmd.Wait()
		close(i.done)
	}()
	return i
}

// feed writes ten events every ten milliseconds. A broken pipe ends it: the
// import's own exit tells why.
func feed(in io.WriteCloser, events []Event) {
	defer in.Close()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for i, e := range events {
		if i%10 == 0 {
			<-ticker.C
		}
		if _, err := in.Write(append(e.Body, '\n')); err != nil {
			return
		}
	}
}

func (i *importing) wait(patience time.Duration) error {
	select {
	case <-i.done:
	case <-time.After(patience):
		return fmt.Errorf("the import still runs after %s:\n%s", patience, i.out.String())
	}
	if i.err != nil {
		return fmt.Errorf("the import failed: %w\n%s", i.err, i.out.String())
	}
	return nil
}

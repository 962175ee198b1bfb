package geotest

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Region says where one region of a Dev is reached.
type Region struct {
	Name  string `json:"name"`
	NATS  string `json:"nats"`
	Admin string `json:"admin"`
}

// Dev is `geomq dev` as a child process, on free ports that stay the same over
// its lives.
type Dev struct {
	Process *Process
	Regions []Region

	data string
	args []string
}

// StartDev runs `geomq dev` with its data in folder data and further args, and
// returns when everything answers.
func StartDev(t testing.TB, data string, args ...string) *Dev {
	t.Helper()
	d := &Dev{data: data, args: append([]string{"dev", "--data", data, "--ports", "random"}, args...)}
	d.Restart(t)
	return d
}

// Restart starts the deployment again after its process has ended.
func (d *Dev) Restart(t testing.TB) {
	t.Helper()
	_ = os.Remove(filepath.Join(d.data, "dev.json")) // of the life before
	d.Process = Start(t, d.args...)
	Await(t, 90*time.Second, func(context.Context) error {
		select {
		case <-d.Process.Done():
			t.Fatalf("geomq dev ended with %d:\n%s", d.Process.ExitCode(), d.Process.Output())
		default:
		}
		text, err := os.ReadFile(filepath.Join(d.data, "dev.json"))
		if err != nil {
			return fmt.Errorf("%w; its output:\n%s", err, d.Process.Output())
		}
		return json.Unmarshal(text, d)
	})
}

// Region returns the region of that name.
func (d *Dev) Region(t testing.TB, name string) Region {
	t.Helper()
	for _, r := range d.Regions {
		if r.Name == name {
			return r
		}
	}
	t.Fatalf("no region %s in %v", name, d.Regions)
	return Region{}
}

// Verify runs `geomq verify` until it finds all holders equal.
func (d *Dev) Verify(t testing.TB, patience time.Duration) {
	t.Helper()
	Await(t, patience, func(context.Context) error {
		out, code := Run(t, "verify", "--admin", d.Regions[0].Admin)
		if code != 0 {
			return fmt.Errorf("geomq verify exits with %d:\n%s", code, out)
		}
		return nil
	})
}

package node_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"geomq/admin"
	"geomq/geo"
	"geomq/geotest"
)

// tear stops a region, cuts off a file of us-east's log in its data folder, takes
// the copies of configurations away, and starts the region again. It returns the
// stream's folder.
func (w *world) tear(region geo.Region, file string) (folder string) {
	w.t.Helper()
	w.stops[region]()
	folder = filepath.Join(w.cfgs[region].Data, "jetstream", "APP", "streams", orders.Stream())
	copies := filepath.Join(w.cfgs[region].Data, "stream-configurations")
	if err := errors.Join(os.Truncate(filepath.Join(folder, file), 11), os.RemoveAll(copies)); err != nil {
		w.t.Fatal(err)
	}
	w.start(region)
	return folder
}

// without starts a region again after a person has moved a folder away.
func (w *world) without(region geo.Region, folder string) {
	w.t.Helper()
	w.stops[region]()
	if err := os.Rename(folder, filepath.Join(w.t.TempDir(), "away")); err != nil {
		w.t.Fatal(err)
	}
	w.start(region)
	w.await(region)
}

// problem waits until a region says of us-east's log that it can't be loaded.
func (w *world) problem(text func() string) {
	w.t.Helper()
	geotest.Await(w.t, startPatience, func(context.Context) error {
		if got := text(); !strings.Contains(got, "JetStream can't load it") || !strings.Contains(got, "meta.inf") || !strings.Contains(got, "move") {
			return fmt.Errorf("it says %q", got)
		}
		return nil
	})
}

// TestAPowerCutTearsAStreamsChecksum: the log goes on as if nothing had been, at
// both sides.
func TestAPowerCutTearsAStreamsChecksum(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil, "us-east", "eu-west")
	last := w.publish(w.client("us-east"), 50)
	w.holds("eu-west", "ORDERS@us-east", last)
	for _, region := range []geo.Region{"us-east", "eu-west"} {
		w.tear(region, "meta.sum")
		w.await(region)
	}
	if next := w.publish(w.client("us-east"), 1); next != last+1 {
		t.Errorf("the log goes on at %d behind %d", next, last)
	}
	w.holds("eu-west", "ORDERS@us-east", last+1)
}

// TestAPowerCutTearsAReplicasConfiguration: nothing is made in its place. The link
// says what to do, and what it says helps.
func TestAPowerCutTearsAReplicasConfiguration(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil, "us-east", "eu-west")
	last := w.publish(w.client("us-east"), 50)
	w.holds("eu-west", "ORDERS@us-east", last)
	folder := w.tear("eu-west", "meta.inf")
	w.await("eu-west")
	w.problem(func() string {
		for _, l := range w.nodes["eu-west"].Links() {
			if l.Log == "ORDERS" && l.Origin == "us-east" && l.State == admin.LinkHalted {
				return l.Reason
			}
		}
		return ""
	})
	if _, err := w.client("eu-west").Stream(t.Context(), orders.Stream()); err == nil {
		t.Error("a replica was made in its place")
	}
	w.without("eu-west", folder)
	w.holds("eu-west", "ORDERS@us-east", last)
}

// TestAPowerCutTearsAnOriginsConfiguration: the log stays closed instead of
// beginning anew, and is fetched back when the folder is out of the way.
func TestAPowerCutTearsAnOriginsConfiguration(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil, "us-east", "eu-west")
	last := w.publish(w.client("us-east"), 50)
	w.holds("eu-west", "ORDERS@us-east", last)
	folder := w.tear("us-east", "meta.inf")
	w.problem(func() string {
		if err := w.nodes["us-east"].Orders().Ready(); err != nil {
			return err.Error()
		}
		return ""
	})
	if _, err := os.Stat(filepath.Join(folder, "meta.sum")); err != nil {
		t.Errorf("the files are not as they were: %v", err)
	}
	w.without("us-east", folder)
	js := w.client("us-east")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	s, err := js.Stream(ctx, orders.Stream())
	if err == nil {
		_, err = s.GetMsg(ctx, last)
	}
	if err != nil {
		t.Error(errors.Join(errors.New("the log was not fetched back"), err))
	}
	if next := w.publish(js, 1); next <= last+1 {
		t.Errorf("the log goes on at %d, as if nothing had been lost", next)
	}
}

package geotest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"geomq/admin"
	"geomq/geo"
)

// Links are region's links, as `geomq link ls` shows them there.
func (r *Regions) Links(t testing.TB, region string) ([]admin.Link, error) {
	t.Helper()
	var answer struct {
		Links []admin.Link `json:"links"`
	}
	err := r.view(t, region, &answer, "link", "ls")
	var own []admin.Link
	for _, l := range answer.Links {
		if string(l.To) == region {
			own = append(own, l)
		}
	}
	return own, err
}

// Link is the link by which region pulls the log of origin.
func (r *Regions) Link(t testing.TB, region, origin string) (admin.Link, error) {
	t.Helper()
	links, err := r.Links(t, region)
	for _, l := range links {
		if string(l.Origin) == origin && string(l.Log) == Log {
			return l, nil
		}
	}
	return admin.Link{}, errors.Join(err, fmt.Errorf("%s knows of no link that pulls the log of %s", region, origin))
}

// ledgers are the keys of the entries in all regions' ledgers, by origin and offset.
// Regions that don't answer add nothing.
func (r *Regions) ledgers(t testing.TB) map[string]map[uint64]string {
	t.Helper()
	all := map[string]map[uint64]string{}
	for _, s := range r.sites {
		records, err := r.ledger(t, s.Name)
		if err != nil {
			t.Logf("the ledger of %s: %v", s.Name, err)
		}
		for _, record := range records {
			log, err := geo.ParseCommitLog(record.Log)
			if err != nil {
				t.Errorf("the ledger of %s names the log %q: %v", s.Name, record.Log, err)
				continue
			}
			origin := string(log.Origin)
			if all[origin] == nil {
				all[origin] = map[uint64]string{}
			}
			all[origin][uint64(record.Offset)] = record.Key
		}
	}
	return all
}

// ledger is what region's ledger holds, as `geomq ledger ls` shows it.
func (r *Regions) ledger(t testing.TB, region string) ([]admin.LedgerRecord, error) {
	t.Helper()
	if !teaches(t, "ledger") {
		return nil, nil
	}
	var page admin.LedgerPage
	err := r.view(t, region, &page, "ledger", "ls", "--region", region, "--limit", "1000000")
	return page.Records, err
}

// teaches tells whether the program has a command of that name.
func teaches(t testing.TB, command string) bool {
	t.Helper()
	out, _ := Run(t, "--help")
	for line := range strings.Lines(out) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == command {
			return true
		}
	}
	return false
}

// view runs a command that prints JSON, against a region's node. What it prints
// counts even where the exit code says that not all is well.
func (r *Regions) view(t testing.TB, region string, to any, command ...string) error {
	t.Helper()
	out, code := Run(t, append(command, "--json", "--admin", r.site(t, region).Admin)...)
	at := strings.IndexByte(out, '{')
	if at < 0 {
		return fmt.Errorf("geomq %s exits with %d:\n%s", strings.Join(command, " "), code, out)
	}
	err := json.NewDecoder(strings.NewReader(out[at:])).Decode(to)
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("geomq %s prints: %w\n%s", strings.Join(command, " "), err, out)
	}
	return nil
}

// AwaitLink waits until the link by which region pulls the log of origin is as
// wanted.
func (r *Regions) AwaitLink(t testing.TB, patience time.Duration, region, origin, want string, is func(admin.Link) bool) admin.Link {
	t.Helper()
	var found admin.Link
	Await(t, patience, func(context.Context) error {
		var err error
		if found, err = r.Link(t, region, origin); err != nil {
			return err
		}
		if !is(found) {
			return fmt.Errorf("the link from %s into %s is to be %s, and is %s from %s (%s %s), refused %v",
				origin, region, want, found.State, found.From, found.Cause, found.Reason, found.Refused)
		}
		return nil
	})
	return found
}

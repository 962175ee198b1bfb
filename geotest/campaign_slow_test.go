//go:build slow

package geotest

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"testing"
)

// campaignVariable names the file of a campaign's results, seedsVariable its seeds
// as FIRST-LAST.
const (
	campaignVariable = "GEOMQ_CAMPAIGN"
	seedsVariable    = "GEOMQ_CAMPAIGN_SEEDS"
)

// TestSlowCampaign runs every mix with many seeds, GEOMQ_LAB_SECONDS each, and
// appends each result to the file that GEOMQ_CAMPAIGN names, as a line of JSON. What
// stands there already is not run again, failed or not, so that a campaign can be
// broken off at any time and goes on where it was:
//
//	GEOMQ_CAMPAIGN=results.jsonl GEOMQ_CAMPAIGN_SEEDS=1-20 GEOMQ_LAB_SECONDS=60 \
//		go test -tags slow -timeout 0 -run SlowCampaign ./geotest
func TestSlowCampaign(t *testing.T) {
	path := os.Getenv(campaignVariable)
	if path == "" {
		t.Skipf("%s names no file", campaignVariable)
	}
	var first, last uint64
	if _, err := fmt.Sscanf(cmp.Or(os.Getenv(seedsVariable), "1-5"), "%d-%d", &first, &last); err != nil {
		t.Fatalf("%s is to be FIRST-LAST: %v", seedsVariable, err)
	}
	done, err := readResults(path)
	if err != nil {
		t.Fatal(err)
	}
	for seed := first; seed <= last; seed++ {
		for _, m := range mixes {
			t.Run(fmt.Sprintf("%s/%d", m.name, seed), func(t *testing.T) {
				r := newResult(m.name, seed, labTime(t))
				if before, ok := done[r.run()]; ok {
					t.Skipf("done at %s, ok: %t", before.Began, before.OK)
				}
				campaign(t, m, seed, path)
			})
		}
	}
	if done, err = readResults(path); err != nil {
		t.Fatal(err)
	}
	tellCampaign(t, done)
}

// tellCampaign sums up what stands in the file.
func tellCampaign(t *testing.T, done map[string]result) {
	t.Helper()
	good, operations, faults, recovery := 0, 0, 0, 0.0
	for _, r := range done {
		if r.OK {
			good++
		}
		operations, recovery = operations+r.Operations, max(recovery, r.Recovery)
		for _, n := range r.Faults {
			faults += n
		}
	}
	t.Logf("%d of %d runs ok: %d operations, %d faults, longest recovery %.1f s", good, len(done), operations, faults, recovery)
}

// campaign runs m in a test of its own, so that its result is known when it ends.
func campaign(t *testing.T, m mix, seed uint64, path string) {
	var r *result
	t.Run("run", func(t *testing.T) {
		r = newResult(m.name, seed, labTime(t))
		m.into(t, r)
	})
	if r.Took == 0 {
		return // it was broken off before it began
	}
	if err := appendResult(path, r); err != nil {
		t.Fatal(err)
	}
}

// run is what tells one run of a campaign from another.
func (r *result) run() string { return fmt.Sprintf("%s/%d/%g", r.Mix, r.Seed, r.Seconds) }

// readResults reads what a campaign has done so far; a last line that was cut off
// is as good as none.
func readResults(path string) (map[string]result, error) {
	done := map[string]result{}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return done, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var r result
		if json.Unmarshal(lines.Bytes(), &r) == nil {
			done[r.run()] = r
		}
	}
	return done, lines.Err()
}

func appendResult(path string, r *result) error {
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(append(line, '\n'))
	return errors.Join(err, f.Close())
}

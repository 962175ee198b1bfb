//go:build slow

package vote

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// mutation is one deliberate mistake that the tests must notice.
type mutation struct {
	name     string
	file     string // from the module's root
	old, new string
}

var mutations = []mutation{
	{"a vote counts before it is on disk", "geo/vote/voter.go", "m.voting = m.write(Record{Kind: KindVote, Term: term, Epoch: epoch, Voters: m.voters, Reaches: m.knownReaches()})",
		"m.voting = m.write(Record{Kind: KindVote, Term: term, Epoch: epoch, Voters: m.voters, Reaches: m.knownReaches()})\n\tm.take(m.cfg.Self, m.voting.record)"},
	{"the own vote counts twice", "geo/vote/voters.go", "return n\n}\n\n// problemOfVoters", "return n + min(n, 1)\n}\n\n// problemOfVoters"},
	{"half of the voters are a majority", "geo/vote/voters.go", "return count(members, has) > len(members)/2", "return count(members, has) >= len(members)/2"},
	{"a voter votes twice in a term after a crash", "geo/vote/machine.go", "for _, r := range own {\n\t\tm.take(cfg.Self, r)\n\t}", "for _, r := range own {\n\t\tif r.Kind != KindVote {\n\t\t\tm.take(cfg.Self, r)\n\t\t}\n\t}"},
	{"a promise is forgotten after a crash", "geo/vote/machine.go", "for _, r := range own {\n\t\tm.take(cfg.Self, r)\n\t}", "for _, r := range own {\n\t\tif r.Kind != KindPromise {\n\t\t\tm.take(cfg.Self, r)\n\t\t}\n\t}"},
	{"a promise is ignored", "geo/vote/promise.go", "return epoch >= m.floor()", "return epoch > 0"},
	{"a promise binds when it is on disk, and the end was read before", "geo/vote/promise.go", "if m.promising != nil {\n\t\tfloor", "if m.promising != nil && false {\n\t\tfloor"},
	{"a lease counts from when the answer came", "geo/lease/holder.go", "g.sent, g.scope = a.sent, a.scope", "g.sent, g.scope = h.asks[h.last%history].sent, a.scope"},
	{"no margin for clocks", "geo/lease/terms.go", "return time.Duration(float64(t.Length)*(1+t.Drift)/(1-t.Drift)) + time.Nanosecond", "return t.Length"},
	{"a voter forgets its grants in a crash", "geo/lease/granter.go", "return Granter{terms: terms, until: started + terms.Wait()}", "return Granter{terms: terms, until: started}"},
	{"a voter votes while its grant lasts", "geo/vote/voter.go", "c == nil || !m.granter.Lapsed(m.now, string(c.Party)) || m.hurried(c.Party)", "c == nil || m.hurried(c.Party)"},
	{"a voter grants to a term that it has left", "geo/vote/voter.go", "own.Term == e.Ask.Term && m.lastVote().Term == e.Ask.Term", "own.Term.N >= e.Ask.Term.N"},
	{"offsets may be used before a majority knows", "geo/vote/voter.go", "if !covers(m.own().vote.Reaches, e.Ask.Reaches) {", "if false {"},
	{"a new epoch begins at the furthest promised end", "geo/vote/plan.go", "used := max(end, p.known.Offset, table.Latest().First-1)", "used := end"},
	{"epochs that nobody reached has are left out", "geo/vote/plan.go", "if e.Number > table.Latest().Number {", "if false {"},
	{"a version of the voters follows at once", "geo/vote/change.go", "return member(next, m.cfg.Self) && next.follows(m.voters) && m.of == m.voters.Version && m.now >= m.settled+m.cfg.Lease.Wait()", "return true"},
	{"votes under other voters count", "geo/vote/claimant.go", "at.vote.Term == t && at.vote.Voters.Same(m.voters)", "at.vote.Term == t && slices.Contains(m.voters.Members, p)"},
	{"grants to an earlier process count", "geo/vote/serving.go", " && g.Life == m.cfg.Life", ""},
}

// TestSlowMistakesTurnTheSimulationRed makes one mistake at a time in a copy of
// the packages and expects the simulation to fail there, or, for what the steps of
// an election mostly take long enough to hide, the play of one lease.
func TestSlowMistakesTurnTheSimulationRed(t *testing.T) {
	root := copyModule(t)
	if out, green := simulate(t, root, "100"); !green {
		t.Fatalf("it is red without any mistake:\n%s", out)
	}
	for _, m := range mutations {
		t.Run(m.name, func(t *testing.T) {
			path := filepath.Join(root, m.file)
			source, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if n := strings.Count(string(source), m.old); n != 1 {
				t.Fatalf("%s holds %q %d times, want once: follow the code", m.file, m.old, n)
			}
			write(t, path, strings.Replace(string(source), m.old, m.new, 1))
			defer write(t, path, string(source))
			out, green := simulate(t, root, "600")
			if green {
				t.Fatal("the simulation stays green")
			}
			if strings.Contains(out, "[build failed]") || strings.Contains(out, "[setup failed]") || strings.Contains(out, "panic") {
				t.Fatalf("the mistake does not compile, or breaks the simulation itself:\n%s", out)
			}
			t.Log(verdict(out))
		})
	}
}

// verdict is the line that says what went wrong.
func verdict(out string) string {
	for line := range strings.Lines(out) {
		if _, found, ok := strings.Cut(line, "[rapid] "); ok {
			return strings.TrimSpace(found)
		}
	}
	return "it timed out"
}

func copyModule(t *testing.T) (root string) {
	t.Helper()
	root = t.TempDir()
	write(t, filepath.Join(root, "geo", "doc.go"), "package geo\n")
	for _, pattern := range []string{"../../go.mod", "../../go.sum", "../*.go", "../lease/*.go", "../lease/clock/*.go", "*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatal(pattern, err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(root, "geo", "vote", file), string(text))
		}
	}
	return root
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func simulate(t *testing.T, root, checks string) (out string, green bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", "test", "-timeout", "4m", "-run", "OneWrites|HoldersPart", "./geo/vote", "./geo/lease",
		"-rapid.checks", checks, "-rapid.shrinktime", "1ms", "-rapid.nofailfile")
	cmd.Dir = root
	text, err := cmd.CombinedOutput()
	return string(text), err == nil
}

package main

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// walk visits every command of ours; cobra's own are left out.
func walk(cmd *cobra.Command, visit func(*cobra.Command)) {
	visit(cmd)
	for _, child := range cmd.Commands() {
		if child.Name() != "help" && child.Name() != "completion" {
			walk(child, visit)
		}
	}
}

func TestEveryCommandExplainsItself(t *testing.T) {
	walk(newRoot(newCLI(nil).app), func(cmd *cobra.Command) {
		path := cmd.CommandPath()
		if cmd.Short == "" || cmd.Long == "" || cmd.Example == "" {
			t.Errorf("%s lacks Short, Long or Example", path)
		}
		if strings.HasSuffix(cmd.Short, ".") || strings.Contains(cmd.Short, "\n") {
			t.Errorf("%s: Short is a sentence part without a dot: %q", path, cmd.Short)
		}
		for line := range strings.SplitSeq(cmd.Long, "\n") {
			if len(line) > 80 {
				t.Errorf("%s: a line of Long has %d characters: %s", path, len(line), line)
			}
		}
		if !strings.Contains(cmd.Example, path) {
			t.Errorf("no example of %s shows it:\n%s", path, cmd.Example)
		}
		if cmd.RunE == nil || cmd.Args == nil {
			t.Errorf("%s does not check its arguments", path)
		}
	})
}

// Every example must parse: flags in a help text that do not exist are worse
// than none.
func TestExamplesUseFlagsThatExist(t *testing.T) {
	walk(newRoot(newCLI(nil).app), func(cmd *cobra.Command) {
		for line := range strings.SplitSeq(cmd.Example, "\n") {
			_, after, ok := strings.Cut(line, "geomq ")
			if !ok {
				continue
			}
			after, _, _ = strings.Cut(after, " #")
			target, rest, err := newRoot(newCLI(nil).app).Find(strings.Fields(after))
			if err != nil {
				t.Errorf("%s: %q: %v", cmd.CommandPath(), line, err)
				continue
			}
			for _, word := range rest {
				if name, ok := strings.CutPrefix(word, "--"); ok && target.Flags().Lookup(name) == nil {
					t.Errorf("%s: %q: %s has no flag --%s", cmd.CommandPath(), line, target.CommandPath(), name)
				}
			}
		}
	})
}

func TestWrongUsageShowsUsageOnStderrAndExits2(t *testing.T) {
	for _, c := range []struct{ line, message string }{
		{"", "geomq needs a command"},
		{"statsu", `unknown command "statsu" for geomq; did you mean status?`},
		{"link", "geomq link needs a command"},
		{"link lst", `unknown command "lst" for geomq link; did you mean ls?`},
		{"status --wacth", "unknown flag: --wacth"},
		{"status now", `"now" is one argument too many`},
		{"status --admin http://a --dev b", "--admin and --dev name two deployments"},
		{"status --admin ftp://a", "ftp://a"},
		{"import", "geomq import needs FILE"},
		{"import -", "needs --topic"},
		{"import - --topic orders.a --on-error maybe", "neither skip nor stop"},
		{"pub orders.> x", "wildcard"},
		{"pub orders.a x --header novalue", "is not NAME:VALUE"},
		{"pub orders.a x --count 0", "--count must be at least 1"},
		{"pub orders.a x --nats nats://a --region b", "--nats and --region"},
		{"sub ORDERS --from yesterday", "yesterday"},
		{"sub 'OR DERS'", "not a log name"},
		{"sub ORDERS@us-east --origin us-east", "names its origin already"},
		{"log show", "geomq log show needs LOG"},
		{"log show 'OR DERS'", "not a log name"},
		{"log purge ORDERS@us-east", "exactly one of before, keep and subject"},
		{"log purge ORDERS@us-east --keep 3 --before 4", "exactly one of before, keep and subject"},
		{"log purge ORDERS --keep 3", "write a log with its origin"},
		{"log purge GEOMQ@us-east --keep 3", "kept by geomq itself"},
		{"log delete ORDERS@us-east", "needs OFFSETS"},
		{"log delete ORDERS@us-east 9-5", "ends before it begins"},
		{"log delete ORDERS@us-east 0", "not an offset"},
		{"log repair ORDERS@us-east", "needs --region"},
		{"log repair ORDERS@us-east --region eu-west --from eu-west", "from itself"},
		{"link accept-gap ORDERS@us-east", "needs --region"},
		{"link accept-gap ORDERS@us-east --region us-east", "is the origin"},
		{"link accept-gap ORDERS@us-east --region eu-west --offsets x", "--offsets"},
		{"ledger ls --limit 0", "--limit"},
		{"ledger ls ORDERS", "write a log with its origin"},
		{"ledger show 42", "no id of the ledger"},
		{"ledger republish", "either IDs or --log"},
		{"ledger republish ORDERS@us-east/1/42 --log ORDERS@us-east", "either IDs or --log"},
		{"events --after yesterday", "--after"},
		{"events --tail -7", "--tail"},
		{"config check", "geomq config check needs FILE"},
		{"server", "needs -c FILE"},
		{"server -c x --log-level loud", "--log-level"},
		{"server -c x --log-format xml", "--log-format"},
		{"dev --regions a,a", "names a twice"},
		{"dev --regions A", "not a region name"},
		{"dev --ports 80", "neither default nor random"},
		{"dev --brokers 9", "1 to 5 brokers"},
	} {
		r := newCLI(nil).run(t.Context(), words(c.line)...)
		if r.code != exitUsage || r.out != "" {
			t.Errorf("geomq %s: exit code %d, stdout %q; want %d and nothing", c.line, r.code, r.out, exitUsage)
		}
		contains(t, r.err, c.message, "Usage:\n  geomq")
	}
}

// words splits a line at blanks outside of single quotes.
func words(line string) []string {
	var all []string
	for i, part := range strings.Split(line, "'") {
		if i%2 == 1 {
			all = append(all, part)
			continue
		}
		all = append(all, strings.Fields(part)...)
	}
	return all
}

func TestHelpGoesToStdout(t *testing.T) {
	r := newCLI(nil).run(t.Context(), "verify", "--help")
	if r.code != exitOK || r.err != "" {
		t.Fatalf("exit code %d, stderr %q", r.code, r.err)
	}
	contains(t, r.out, "Exit code 0", "geomq verify ORDERS@us-east --json")
}

func TestVersion(t *testing.T) {
	contains(t, newCLI(nil).run(t.Context(), "version").out, "geomq 1.2.3 (go")
}

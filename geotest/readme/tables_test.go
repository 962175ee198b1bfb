package readme

import (
	"bufio"
	"bytes"
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"geomq/admin"
	"geomq/configs"
	"geomq/geo"
	"geomq/mirror/verify"
)

func TestTheTableOfOptionsIsTheReference(t *testing.T) {
	rows := table(read(t, "README.md"), "### Every option")
	chinese := table(read(t, "README.zh-CN.md"), "### 全部配置项")
	reference := configs.Reference()
	if len(rows) != len(reference) || len(chinese) != len(reference) {
		t.Fatalf("%d and %d rows for %d options", len(rows), len(chinese), len(reference))
	}
	for i, f := range reference {
		if want := []string{f.Path, f.Default, f.Text}; !slices.Equal(rows[i], want) {
			t.Errorf("README.md has %q, the reference %q", rows[i], want)
		}
		if !slices.Equal(chinese[i][:1], []string{f.Path}) {
			t.Errorf("README.zh-CN.md has %q where the reference has %q", chinese[i], f.Path)
		}
	}
}

// TestTheChineseTourIsTheOneThatRuns: its blocks are those of README.md, which
// TestTheTour runs.
func TestTheChineseTourIsTheOneThatRuns(t *testing.T) {
	var run []string
	for _, b := range blocksIn(read(t, "README.md"), "console") {
		run = append(run, b.text())
	}
	for _, b := range blocksIn(read(t, "README.zh-CN.md"), "console") {
		if !slices.Contains(run, b.text()) {
			t.Errorf("README.zh-CN.md, line %d: README.md has no such block", b.line)
		}
	}
}

func TestTheTableOfMetricsIsWhatANodeServes(t *testing.T) {
	rows := table(read(t, "README.md"), "### Metrics")
	var listed []string
	for _, row := range rows {
		listed = append(listed, strings.Join(row, " | "))
	}
	slices.Sort(listed)
	served := servedMetrics(t)
	for _, line := range served {
		if !slices.Contains(listed, line) {
			t.Errorf("not in the table: %s", line)
		}
	}
	for _, line := range listed {
		if !slices.Contains(served, line) {
			t.Errorf("in the table, but not served: %s", line)
		}
	}
}

// servedMetrics lists "name | type | help" of all of geomq's metrics at a node
// where everything that may be absent is there.
func servedMetrics(t *testing.T) []string {
	t.Helper()
	server, err := admin.New(admin.Config{Listen: "127.0.0.1:0", Backend: everything{}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	response, err := http.Get(server.URL() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	helps := map[string]string{}
	var all []string
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		fields := strings.SplitN(lines.Text(), " ", 4)
		switch {
		case len(fields) < 4 || !strings.HasPrefix(fields[2], "geomq_"):
		case fields[1] == "HELP":
			helps[fields[2]] = fields[3]
		case fields[1] == "TYPE":
			all = append(all, fields[2]+" | "+fields[3]+" | "+helps[fields[2]])
		}
	}
	slices.Sort(all)
	return all
}

// everything is a node with a log and a link that have every figure.
type everything struct{}

func (everything) Local() admin.Status {
	n, seconds := uint64(1), 1.0
	return admin.Status{
		At: time.Now(), Region: "eu-west", Node: "eu-west-1",
		Regions: []admin.Region{{Name: "eu-west", Configured: true}},
		Logs: []admin.Log{{Log: "ORDERS", Queue: "0", Origin: "us-east", Region: "eu-west", Role: admin.RoleReplica,
			Stream: "ORDERS@us-east", State: admin.LogOpen, LastTime: time.Now(), Ledger: &admin.LedgerCount{}, Scrub: &admin.Scrub{}}},
		Links: []admin.Link{{Log: "ORDERS", Queue: "0", Origin: "us-east", From: "us-east", To: "eu-west", State: admin.LinkStreaming,
			LagEntries: &n, LagBytes: &n, LagSeconds: &seconds, RTTSeconds: &seconds, LastHeartbeat: time.Now(),
			Refused: map[string]uint64{"lost": 1}}},
		Disks: []admin.Disk{{Region: "eu-west", Node: "eu-west-1", State: admin.DiskOK, Free: 1, Total: 2}},
	}
}

func (everything) Peers() []admin.Node { return nil }
func (everything) Ready() error        { return nil }

func (everything) Digests(context.Context, admin.DigestQuery, func(verify.Stretch) error) error {
	return admin.ErrNotFound
}

func (everything) Entry(context.Context, string, geo.Offset) (admin.EntryView, error) {
	return admin.EntryView{}, admin.ErrNotFound
}

func TestEveryCauseIsExplained(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(module(), "mirror", "cause.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var causes []string
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 {
			return true
		}
		if value, ok := spec.Values[0].(*ast.BasicLit); ok && value.Kind == token.STRING {
			cause, _ := strconv.Unquote(value.Value) // it was parsed
			causes = append(causes, cause)
		}
		return true
	})
	var explained []string
	for _, heading := range []string{"### Causes that a new session mends", "### Causes that halt a link"} {
		for _, row := range table(read(t, "docs/operating.md"), heading) {
			explained = append(explained, row[0])
		}
	}
	if len(causes) < 10 || !slices.Equal(causes, explained) {
		t.Errorf("package mirror has the causes\n%q, docs/operating.md explains\n%q", causes, explained)
	}
}

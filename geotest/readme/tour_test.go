//go:build unix

package readme

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"geomq/geotest"
)

var (
	starts = regexp.MustCompile(`geomq dev .*--data (\S+).*&`)
	killed = regexp.MustCompile(`(?m)^.*line \d+: +\d+ Killed .*\n`)
	looks  = regexp.MustCompile(`^\./geomq (status|verify|events|(region|link|log) (ls|show))`)
)

// TestTheTour runs the tour of README.md.
func TestTheTour(t *testing.T) {
	t.Parallel()
	s := openSession(t)
	document := read(t, "README.md")
	tour := blocksIn(document, "console")
	if len(tour) < 3 {
		t.Fatalf("README.md has only %d console blocks", len(tour))
	}
	var regions []geotest.Region
	for _, b := range tour {
		for _, step := range steps(b) {
			if strings.HasPrefix(step.command, "go build") {
				continue
			}
			if program, ok := strings.CutPrefix(step.command, "go run "); ok {
				step.command = s.inModule(t, document, program, regions)
			}
			s.keep(t, step)
			if start := starts.FindStringSubmatch(step.command); start != nil {
				regions = s.follow(t, start[1])
			}
		}
	}
}

// keep runs a step and compares its output. What only looks may look again, since
// what it looks at follows a heartbeat later.
func (s *session) keep(t *testing.T, step step) {
	t.Helper()
	for late := time.Now().Add(20 * time.Second); ; <-time.After(100 * time.Millisecond) {
		output, code := s.run(t, step.command)
		output = killed.ReplaceAllString(output, "")
		if code == 0 && matches(step.output, output) {
			return
		}
		if !looks.MatchString(step.command) || time.Now().After(late) {
			t.Fatalf("line %d: %s\nexit code %d; it prints\n%s\nand should print\n%s",
				step.line, step.command, code, output, strings.Join(step.output, "\n"))
		}
	}
}

// inModule writes the first Go program of the document to a file, with the ports
// that the regions have, and returns the command that runs it.
func (s *session) inModule(t *testing.T, document, file string, regions []geotest.Region) string {
	t.Helper()
	program := blocksIn(document, "go")[0].text()
	for i, port := range []string{"4222", "4223", "4224"} {
		program = strings.ReplaceAll(program, "nats://127.0.0.1:"+port, regions[i].NATS)
	}
	path := filepath.Join(s.folder, file)
	if err := os.WriteFile(path, []byte(program), 0o644); err != nil {
		t.Fatal(err)
	}
	return "(cd '" + module() + "' && go run '" + path + "')"
}

package readme

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var link = regexp.MustCompile(`\]\(([^)#\s]+)(?:#[^)]*)?\)`)

func TestLinksLeadSomewhere(t *testing.T) {
	for _, document := range documents(t) {
		for _, found := range link.FindAllStringSubmatch(read(t, document), -1) {
			if strings.Contains(found[1], "://") {
				continue
			}
			path := filepath.Join(module(), filepath.Dir(document), found[1])
			if _, err := os.Stat(path); err != nil {
				t.Errorf("%s: %v", document, err)
			}
		}
	}
}

// testName is how documents name tests, and patterns that begin like one.
var testName = regexp.MustCompile("`((?:Test|Fuzz)[A-Z][A-Za-z0-9]*)`")

func TestTestsThatAreNamedExist(t *testing.T) {
	there := map[string]bool{}
	declared := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	err := filepath.WalkDir(module(), func(path string, _ os.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, found := range declared.FindAllStringSubmatch(string(text), -1) {
			there[found[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, document := range documents(t) {
		for _, found := range testName.FindAllStringSubmatch(read(t, document), -1) {
			if !there[found[1]] {
				t.Errorf("%s names %s, which does not exist", document, found[1])
			}
		}
	}
}

func TestTheMapShowsEveryPackage(t *testing.T) {
	out, err := exec.Command("go", "list", "geomq/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	architecture := read(t, "docs/ARCHITECTURE.md")
	for path := range strings.FieldsSeq(string(out)) {
		if folder := strings.TrimPrefix(path, "geomq/"); !strings.Contains(architecture, "`"+folder+"/`") {
			t.Errorf("docs/ARCHITECTURE.md does not show %s/", folder)
		}
	}
}

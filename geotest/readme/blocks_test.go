package readme

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// module is the folder of this module.
var module = sync.OnceValue(func() string {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "geomq").Output()
	if err != nil {
		panic(err)
	}
	return strings.TrimSpace(string(out))
})

func read(t *testing.T, document string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(module(), document))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// documents lists all of them, e.g. "README.md" and "docs/operating.md".
func documents(t *testing.T) []string {
	t.Helper()
	var found []string
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/decisions/*.md"} {
		paths, err := filepath.Glob(filepath.Join(module(), pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			relative, err := filepath.Rel(module(), path)
			if err != nil {
				t.Fatal(err)
			}
			found = append(found, filepath.ToSlash(relative))
		}
	}
	return found
}

// block is a fenced part of a document.
type block struct {
	language string
	line     int
	lines    []string
}

func (b block) text() string { return strings.Join(b.lines, "\n") + "\n" }

// blocks cuts a document into its fenced parts.
func blocks(document string) []block {
	var all []block
	var open *block
	number := 0
	for line := range strings.Lines(document) {
		number++
		line = strings.TrimRight(line, "\r\n")
		fence, ok := strings.CutPrefix(line, "```")
		switch {
		case ok && open == nil:
			open = &block{language: fence, line: number}
		case ok:
			all = append(all, *open)
			open = nil
		case open != nil:
			open.lines = append(open.lines, line)
		}
	}
	return all
}

func blocksIn(document, language string) []block {
	var found []block
	for _, b := range blocks(document) {
		if b.language == language {
			found = append(found, b)
		}
	}
	return found
}

// step is a command and the output that a document promises.
type step struct {
	command string
	output  []string
	line    int
}

// steps reads a console block.
func steps(b block) []step {
	var all []step
	continued := false
	for i, line := range b.lines {
		command, isCommand := strings.CutPrefix(line, "$ ")
		switch {
		case continued:
			last := &all[len(all)-1]
			last.command += "\n" + line
			continued = goesOn(line)
		case isCommand:
			all = append(all, step{command: command, line: b.line + i + 1})
			continued = goesOn(line)
		case len(all) > 0:
			last := &all[len(all)-1]
			last.output = append(last.output, line)
		}
	}
	return all
}

// goesOn tells whether a command continues on the next line.
func goesOn(line string) bool {
	return strings.HasSuffix(line, `\`) || strings.HasSuffix(line, "|")
}

// table returns the cells of the rows whose first cell is code, such as
// "| `link.credit` | 16MiB |", without the backticks.
func table(document, heading string) [][]string {
	_, rest, _ := strings.Cut(document, heading)
	var rows [][]string
	for line := range strings.Lines(rest) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "#") {
			break
		}
		if !strings.HasPrefix(line, "| `") {
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), " | ")
		for i := range cells {
			cells[i] = strings.Trim(strings.TrimSpace(cells[i]), "`")
		}
		rows = append(rows, cells)
	}
	return rows
}

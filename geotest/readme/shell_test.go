//go:build unix

package readme

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"geomq/geotest"
)

// patience bounds what one command may take.
const patience = time.Minute

// session is a bash that runs commands in a folder of its own, in which ./geomq
// is the program, and in whose path it is too.
type session struct {
	folder string
	in     io.Writer
	lines  chan string
	count  int
}

func openSession(t *testing.T) *session {
	t.Helper()
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("there is no bash to run the documents' commands with")
	}
	s := &session{folder: t.TempDir(), lines: make(chan string, 64)}
	program := fmt.Sprintf("#!/bin/sh\n[ \"$1\" = dev ] && { shift; set -- dev --ports random \"$@\"; }\nexec '%s' \"$@\"\n", geotest.Binary(t))
	if err := writeProgram(filepath.Join(s.folder, "geomq"), program); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(bash, "--noprofile", "--norc")
	cmd.Dir = s.folder
	cmd.Env = append(os.Environ(), "PATH="+s.folder+":"+os.Getenv("PATH"), "GEOMQ_ADMIN=")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = w, w
	if s.in, err = cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	go s.read(r)
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // all that the commands have left running
		_ = cmd.Wait()                                      // it was killed
		for range s.lines {
		}
	})
	return s
}

// writeProgram writes a file that can be run at once. A child that another test
// forks meanwhile would hold it open for writing until it runs its own program, and
// nobody can run a file that somebody may write.
func writeProgram(path, text string) error {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	return os.WriteFile(path, []byte(text), 0o755)
}

func (s *session) read(r io.ReadCloser) {
	defer close(s.lines)
	defer r.Close()
	in := bufio.NewReader(r)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		s.lines <- line
	}
}

// run runs a command and returns its output and exit code.
func (s *session) run(t *testing.T, command string) (output string, code int) {
	t.Helper()
	s.count++
	mark := fmt.Sprintf("--- command %d ended with ", s.count)
	if _, err := fmt.Fprintf(s.in, "%s\nprintf '\\n%s%%d\\n' $?\n", command, mark); err != nil {
		t.Fatalf("the shell has ended before %q: %v", command, err)
	}
	late := time.After(patience)
	for {
		select {
		case line, ok := <-s.lines:
			if !ok {
				t.Fatalf("the shell ended in %q:\n%s", command, output)
			}
			if rest, ended := strings.CutPrefix(line, mark); ended {
				code, err := strconv.Atoi(strings.TrimSpace(rest))
				if err != nil {
					t.Fatal(err)
				}
				return strings.TrimSuffix(output, "\n"), code
			}
			output += line
		case <-late:
			t.Fatalf("%q has not ended after %s:\n%s", command, patience, output)
		}
	}
}

// follow waits until the `geomq dev` that was just started with its data in
// folder data answers, tells the shell where, and returns its regions.
func (s *session) follow(t *testing.T, data string) []geotest.Region {
	t.Helper()
	var dev struct{ Regions []geotest.Region }
	late := time.Now().Add(patience)
	for {
		text, err := os.ReadFile(filepath.Join(s.folder, data, "dev.json"))
		if err == nil && json.Unmarshal(text, &dev) == nil {
			break
		}
		if time.Now().After(late) {
			log, _ := s.run(t, "tail -n 30 *.log")
			t.Fatalf("geomq dev --data %s does not come up:\n%s", data, log)
		}
		<-time.After(20 * time.Millisecond)
	}
	s.run(t, "export GEOMQ_ADMIN="+dev.Regions[0].Admin)
	return dev.Regions
}

package geotest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

var (
	buildOnce sync.Once
	binary    string
	buildErr  error
)

// Binary builds geomq from the module that the test belongs to, once for all
// tests of a package, and returns the program's path. The environment variable
// GEOMQ_BINARY names one that is built already.
func Binary(t testing.TB) string {
	t.Helper()
	buildOnce.Do(func() {
		if binary = os.Getenv("GEOMQ_BINARY"); binary != "" {
			return
		}
		sweep()
		var folder string
		if folder, buildErr = os.MkdirTemp("", fmt.Sprintf("%s%d-", builds, os.Getpid())); buildErr != nil {
			return
		}
		binary = filepath.Join(folder, "geomq")
		out, err := exec.Command("go", "build", "-o", binary, "geomq/cmd/geomq").CombinedOutput()
		if err != nil {
			buildErr = fmt.Errorf("build geomq: %w\n%s", err, out)
		}
	})
	if buildErr != nil {
		t.Fatal(buildErr)
	}
	return binary
}

// builds begins the names of the folders with what Binary built; the number of
// the process follows.
const builds = "geomq-test-"

// sweep removes what processes that are gone have built. A process can't do so at
// its own end: tests may end it in any way.
func sweep() {
	folders, _ := filepath.Glob(filepath.Join(os.TempDir(), builds+"*-*")) // the pattern is sound
	for _, folder := range folders {
		var owner int
		if _, err := fmt.Sscanf(filepath.Base(folder), builds+"%d-", &owner); err != nil {
			continue
		}
		if errors.Is(syscall.Kill(owner, 0), syscall.ESRCH) {
			_ = os.RemoveAll(folder) // else the next one tries
		}
	}
}

// Process is one run of geomq as a child process.
type Process struct {
	cmd    *exec.Cmd
	output *tail
	done   chan struct{}
	err    error // of the process; set before done is closed
}

// Start runs geomq with args. The process is killed when the test ends.
func Start(t testing.TB, args ...string) *Process {
	t.Helper()
	p := &Process{cmd: exec.Command(Binary(t), args...), output: &tail{}, done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = p.output, p.output
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("start geomq %v: %v", args, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	t.Cleanup(p.Kill)
	return p
}

// Run runs geomq to its end and returns its output and exit code.
func Run(t testing.TB, args ...string) (output string, code int) {
	t.Helper()
	p := Start(t, args...)
	p.Wait(t, 2*time.Minute)
	return p.Output(), p.cmd.ProcessState.ExitCode()
}

// Kill ends the process the hard way (SIGKILL) and returns when it is gone.
func (p *Process) Kill() { p.signal(syscall.SIGKILL) }

// Interrupt asks the process to end, as Ctrl-C does, and returns when it has.
func (p *Process) Interrupt() { p.signal(syscall.SIGINT) }

// Pause stops the process where it stands (SIGSTOP) until Resume; its
// connections stay open.
func (p *Process) Pause() { _ = p.cmd.Process.Signal(syscall.SIGSTOP) }

// Resume lets a paused process go on (SIGCONT).
func (p *Process) Resume() { _ = p.cmd.Process.Signal(syscall.SIGCONT) }

func (p *Process) signal(s syscall.Signal) {
	_ = p.cmd.Process.Signal(s) // fails only on a process that is gone
	<-p.done
}

// Wait returns when the process has ended; the test fails if that takes longer
// than patience.
func (p *Process) Wait(t testing.TB, patience time.Duration) {
	t.Helper()
	select {
	case <-p.done:
	case <-time.After(patience):
		t.Fatalf("geomq %v still runs after %s; its output ends:\n%s", p.cmd.Args[1:], patience, p.Output())
	}
}

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// ExitCode is that of a process that has ended, -1 if a signal ended it.
func (p *Process) ExitCode() int { return p.cmd.ProcessState.ExitCode() }

// Output is the end of what the process has written so far.
func (p *Process) Output() string { return p.output.String() }

// tail keeps the last part of what is written to it.
type tail struct {
	mu   sync.Mutex
	text bytes.Buffer
}

const tailSize = 1 << 20

func (w *tail) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.text.Write(b)
	if over := w.text.Len() - tailSize; over > 0 {
		w.text.Next(over)
	}
	return len(b), nil
}

func (w *tail) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

// Await returns when condition returns nil; the test fails with its last error
// if that takes longer than patience.
func Await(t testing.TB, patience time.Duration, condition func(ctx context.Context) error) {
	t.Helper()
	if err := within(t.Context(), patience, condition); err != nil {
		t.Fatal(err)
	}
}

// within tries until condition returns nil; its last error is returned if that
// takes longer than patience.
func within(ctx context.Context, patience time.Duration, condition func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var last error
	for {
		err := condition(ctx)
		if err == nil {
			return nil
		}
		if last == nil || ctx.Err() == nil { // what the end of ctx does to the last try tells nothing
			last = err
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("not within %s: %w", patience, last)
		}
	}
}

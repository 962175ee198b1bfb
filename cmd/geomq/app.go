package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"geomq/cmd/geomq/internal/term"
	"geomq/node/dev"
)

// app is what a process gives to its commands.
type app struct {
	in  io.Reader
	out term.Output
	// err is for everything that is not the result: progress, notices, errors.
	err    term.Output
	lookup func(name string) (string, bool)
	now    func() time.Time
	// tick is how often something that is watched is drawn again.
	tick time.Duration
	// devData is the folder in which `geomq dev` keeps its data by default.
	devData func() (string, error)
	// serve runs one node, runDev a whole deployment.
	serve   serving
	runDev  func(context.Context, devRequest) error
	version string
}

func newApp() *app {
	return &app{
		in:  os.Stdin,
		out: term.Open(os.Stdout, os.LookupEnv), err: term.Open(os.Stderr, os.LookupEnv),
		lookup: os.LookupEnv, now: time.Now, tick: time.Second,
		devData: dev.DefaultData, serve: serveNode, runDev: runDev, version: buildVersion(),
	}
}

// release is set by the linker: -ldflags "-X main.release=1.2.3".
var release string

// buildVersion is the release, or what the Go tool recorded about the build.
func buildVersion() string {
	if release != "" {
		return release
	}
	info, ok := debug.ReadBuildInfo()
	if !ok || strings.Trim(info.Main.Version, "()") == "" {
		return "devel"
	}
	return strings.Trim(info.Main.Version, "()")
}

// printLines writes lines to the result stream.
func (a *app) printLines(lines []string) error {
	if len(lines) == 0 {
		return nil
	}
	_, err := io.WriteString(a.out, strings.Join(lines, "\n")+"\n")
	return err
}

// notice writes one line beside the result.
func (a *app) notice(format string, args ...any) {
	fmt.Fprintf(a.err, format+"\n", args...)
}

// printJSON writes v to the result stream, indented for reading.
func (a *app) printJSON(v any) error {
	encoder := json.NewEncoder(a.out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}

// printJSONLine writes v as one line.
func (a *app) printJSONLine(v any) error {
	encoder := json.NewEncoder(a.out)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(v)
}

// pause waits for d; it returns false when ctx ends first.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

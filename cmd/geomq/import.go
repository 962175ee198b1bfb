package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"geomq/client/importer"
	"geomq/cmd/geomq/internal/term"
)

type importFlags struct {
	place
	topic    string
	key      string
	stream   string
	onError  string
	ackLog   string
	dedupe   bool
	fromLine int
	quiet    bool
	json     bool
}

func newImport(a *app) *cobra.Command {
	var f importFlags
	cmd := &cobra.Command{
		Use:   "import FILE",
		Short: "Publish the lines of an NDJSON file, each once",
		Long: `import publishes every line of FILE (NDJSON, compressed with gzip or not, "-"
for stdin) to a topic, and waits for the log to acknowledge each. A broker that
goes away is waited for, and what is then sent again is in the log once.

--key names the field that is the ordering key: its value becomes the subject's
last token, escaped where a subject can't hold it. With --dedupe a second run of
the same file adds nothing.

Malformed lines are reported on stderr with their numbers. With --on-error skip
(the default) they are counted and the exit code stays 0; with stop the import
ends at the first one with exit code 1, as it does when anything else stops it,
a compressed file that breaks off included.`,
		Example: `  geomq import events.ndjson.gz --topic orders.created --key page --region us-east
  zcat events.gz | geomq import - --topic orders.created
  geomq import events.ndjson --topic orders.created --dedupe --on-error stop`,
		Args: arguments("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.runImport(cmd.Context(), &f, args[0])
		},
	}
	f.flags(a, cmd)
	return cmd
}

func (f *importFlags) flags(a *app, cmd *cobra.Command) {
	f.place.flags(a, cmd)
	cmd.Flags().StringVar(&f.topic, "topic", "", "`TOPIC` to publish to (required)")
	cmd.Flags().StringVar(&f.key, "key", "", "`FIELD` with the ordering key; a path is written user.id")
	cmd.Flags().StringVar(&f.stream, "stream", "", "stream to import into (default: the one that captures the topic)")
	cmd.Flags().StringVar(&f.onError, "on-error", "skip", "`POLICY` about malformed lines: skip or stop")
	cmd.Flags().StringVar(&f.ackLog, "ack-log", "", "append \"<line> <offset>\" to `FILE` for every line acknowledged")
	cmd.Flags().BoolVar(&f.dedupe, "dedupe", false, "skip lines that an earlier import of the same file has put into the log")
	cmd.Flags().IntVar(&f.fromLine, "from-line", 1, "begin with this line")
	cmd.Flags().BoolVar(&f.quiet, "quiet", false, "show no progress and no counts")
	cmd.Flags().BoolVar(&f.json, "json", false, "print the counts as one JSON object")
	a.completeFlag(cmd, "topic", &f.where, topicNames)
}

func (a *app) runImport(ctx context.Context, f *importFlags, file string) (err error) {
	if f.topic == "" {
		return usagef("geomq import needs --topic TOPIC, e.g. --topic orders.created")
	}
	cfg := importer.Config{
		Topic: f.topic, Key: f.key, Stream: f.stream, Dedupe: f.dedupe, FromLine: f.fromLine,
		Logger: slog.New(slog.NewTextHandler(a.err, &slog.HandlerOptions{Level: slog.LevelError})),
	}
	if cfg.OnError, err = importer.ParsePolicy(f.onError); err != nil {
		return usagef("--on-error: %w", err)
	}
	input, err := a.openInput(file)
	if err != nil {
		return err
	}
	defer input.Close()
	cfg.Input = input
	acks, err := openAckLog(f.ackLog)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, acks.Close()) }()
	cfg.AckLog = acks
	to, err := f.resolve(ctx, a)
	if err != nil {
		return err
	}
	cfg.URL = to.url
	return a.transfer(ctx, f, cfg)
}

// openInput opens a file, or hands out stdin for "-".
func (a *app) openInput(file string) (io.ReadCloser, error) {
	if file == "-" {
		return io.NopCloser(a.in), nil
	}
	return os.Open(file)
}

// openAckLog opens the log of acknowledged lines for appending; no name means
// that none is kept.
func openAckLog(file string) (io.WriteCloser, error) {
	if file == "" {
		return discard{}, nil
	}
	return os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
func (discard) Close() error                { return nil }

// transfer runs the import with its progress shown, and prints what came of it.
func (a *app) transfer(ctx context.Context, f *importFlags, cfg importer.Config) error {
	bar := newImportBar(a)
	if !f.quiet {
		cfg.Progress = bar.show
	}
	result, err := importer.Run(ctx, cfg)
	bar.clear()
	if importer.IsUsage(err) {
		return &usageError{err}
	}
	a.showFaults(&result)
	if err == nil && result.Skipped[importer.Damaged] > 0 {
		err = fmt.Errorf("the file breaks off at line %d: what comes behind it was not imported", result.NextLine)
	}
	if f.json {
		return errors.Join(a.printJSON(importDocument(&result, err)), err)
	}
	if !f.quiet && result.Stream != "" {
		err = errors.Join(err, a.printLines(importSummary(&result)))
	}
	return err
}

// showFaults lists malformed lines on stderr.
func (a *app) showFaults(r *importer.Result) {
	for _, fault := range r.Faults {
		a.notice("%s", term.Clean(fault.String()))
	}
	if more := r.SkippedLines() - len(r.Faults); more > 0 {
		a.notice("and %s more", plural(more, "malformed line"))
	}
}

// importSummary is e.g. "39,244 lines: 39,240 published, 4 skipped (3 no key, 1
// not a JSON object)".
func importSummary(r *importer.Result) []string {
	parts := []string{fmt.Sprintf("%s published into %s", thousands(r.Published), r.Stream)}
	if r.FirstOffset > 0 {
		parts[0] += fmt.Sprintf(" (offsets %s to %s)", thousands(int(r.FirstOffset)), thousands(int(r.LastOffset)))
	}
	if r.AlreadyThere > 0 {
		parts = append(parts, thousands(r.AlreadyThere)+" already there")
	}
	if r.Blank > 0 {
		parts = append(parts, thousands(r.Blank)+" blank")
	}
	if n := r.SkippedLines(); n > 0 {
		parts = append(parts, fmt.Sprintf("%s skipped (%s)", thousands(n), strings.Join(causes(r), ", ")))
	}
	lines := []string{fmt.Sprintf("%s in %s: %s", plural(r.Lines, "line"), seconds(r.Elapsed), strings.Join(parts, ", "))}
	if r.Resent > 0 {
		lines = append(lines, fmt.Sprintf("%s sent again after trouble, %s of them recognised by the log", plural(r.Resent, "line"), thousands(r.Recognised)))
	}
	if r.Reordered > 0 {
		lines = append(lines, fmt.Sprintf("%s overtaken by a later one of the same subject", plural(r.Reordered, "line")))
	}
	return lines
}

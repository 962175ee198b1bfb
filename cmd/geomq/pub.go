package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"geomq/client"
	"geomq/cmd/geomq/internal/table"
)

// maxStdin bounds what is read from stdin as one message; brokers take less.
const maxStdin = 64 << 20

type pubFlags struct {
	place
	headers  []string
	key      string
	count    int
	interval time.Duration
	json     bool
}

func newPub(a *app) *cobra.Command {
	var f pubFlags
	cmd := &cobra.Command{
		Use:   "pub SUBJECT [BODY|-]",
		Short: "Publish messages and show where the log put them",
		Long: `pub publishes BODY, or what stdin holds for "-", and prints the CommitLog and
the offset that each message got once the log has acknowledged it. Every message
carries an idempotency key of its own (Nats-Msg-Id) unless --header gives one.

--key is the ordering key: it becomes the subject's last token, escaped where a
subject can't hold it.`,
		Example: `  geomq pub orders.created '{"id":1}'
  geomq pub orders.created --key customer-42 '{"id":1}' --region eu-west
  echo hello | geomq pub orders.created - --header Source:shell
  geomq pub orders.created tick --count 100 --interval 100ms`,
		Args: arguments("SUBJECT", "[BODY|-]"),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := f.config(a, cmd, args)
			if err != nil {
				return err
			}
			return a.publish(cmd.Context(), &f, cfg)
		},
	}
	f.place.flags(a, cmd)
	cmd.Flags().StringVar(&f.key, "key", "", "ordering key")
	cmd.Flags().StringArrayVar(&f.headers, "header", nil, "header as `NAME:VALUE`; may be repeated")
	cmd.Flags().IntVar(&f.count, "count", 1, "how many messages")
	cmd.Flags().DurationVar(&f.interval, "interval", 0, "time from one message to the next")
	cmd.Flags().BoolVar(&f.json, "json", false, "print one JSON object for each acknowledgement")
	a.completeFirst(cmd, &f.where, topicNames)
	return cmd
}

// config checks everything that can be checked before anything is asked.
func (f *pubFlags) config(a *app, cmd *cobra.Command, args []string) (client.PublishConfig, error) {
	cfg := client.PublishConfig{Subject: args[0], Count: f.count, Interval: f.interval}
	if err := client.CheckTopic(args[0]); err != nil {
		return cfg, usagef("%w", err)
	}
	if f.count < 1 || f.interval < 0 {
		return cfg, usagef("--count must be at least 1 and --interval not negative")
	}
	if cmd.Flags().Changed("key") {
		cfg.Key = &f.key
	}
	var err error
	if cfg.Header, err = parseHeaders(f.headers); err != nil {
		return cfg, err
	}
	cfg.Body, err = a.body(args[1:])
	return cfg, err
}

// body is the message: the argument, or stdin for "-".
func (a *app) body(args []string) ([]byte, error) {
	if len(args) == 0 {
		return nil, nil
	}
	if args[0] != "-" {
		return []byte(args[0]), nil
	}
	body, err := io.ReadAll(io.LimitReader(a.in, maxStdin+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read the message from stdin: %w", err)
	case len(body) > maxStdin:
		return nil, fmt.Errorf("stdin holds more than %s, which no broker takes as one message; to publish line by line use: geomq import -", table.Bytes(maxStdin))
	}
	return body, nil
}

func parseHeaders(texts []string) (map[string][]string, error) {
	headers := map[string][]string{}
	for _, text := range texts {
		name, value, ok := strings.Cut(text, ":")
		if !ok || name == "" || strings.ContainsAny(text, "\r\n") {
			return nil, usagef("--header %q is not NAME:VALUE", text)
		}
		headers[name] = append(headers[name], strings.TrimSpace(value))
	}
	return headers, nil
}

func (a *app) publish(ctx context.Context, f *pubFlags, cfg client.PublishConfig) error {
	to, err := f.resolve(ctx, a)
	if err != nil {
		return err
	}
	cfg.URL = to.url
	return client.Publish(ctx, cfg, func(ack client.Ack) error { return a.showAck(f.json, ack) })
}

func (a *app) showAck(asJSON bool, ack client.Ack) error {
	if asJSON {
		return a.printJSONLine(struct {
			Stream    string  `json:"stream"`
			Offset    uint64  `json:"offset"`
			Subject   string  `json:"subject"`
			MsgID     string  `json:"msg_id"`
			Duplicate bool    `json:"duplicate"`
			RTT       float64 `json:"rtt_seconds"`
		}{ack.Stream, uint64(ack.Offset), ack.Subject, ack.MsgID, ack.Duplicate, ack.RTT.Seconds()})
	}
	note := ""
	if ack.Duplicate {
		note = "  (already there: same Nats-Msg-Id)"
	}
	_, err := fmt.Fprintf(a.out, "%s  offset %s  %s  acked in %s%s\n",
		ack.Stream, table.Count(ack.Offset), ack.Subject, table.Duration(ack.RTT), note)
	return err
}

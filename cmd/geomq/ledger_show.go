package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"geomq/admin"
	"geomq/cmd/geomq/internal/table"
	"geomq/cmd/geomq/internal/term"
)

// shownBody is how much of a body is shown to a person.
const shownBody = 4 << 10

func newLedgerShow(a *app) *cobra.Command {
	var w where
	var region string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show ID",
		Short: "Show one entry of the ledgers with its header and body",
		Long: `show prints the record ID, as "geomq ledger ls" lists it, with the whole entry.
Where several ledgers hold it the first region's by name is shown, with --region
that region's. With --json header and body are in base64.`,
		Example: `  geomq ledger show ORDERS@us-east/1/42
  geomq ledger show ORDERS@us-east/1/42 --json | jq -r .entry.body | base64 -d`,
		Args: arguments("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := ledgerIDs(args); err != nil {
				return err
			}
			d, err := a.find(cmd.Context(), w)
			if err != nil {
				return err
			}
			entry, err := findLedgerEntry(cmd.Context(), d, region, args[0])
			if err != nil {
				return err
			}
			if asJSON {
				return a.printJSON(entry)
			}
			return a.printLines(ledgerSheet(a.out, &entry))
		},
	}
	w.flags(cmd)
	cmd.Flags().StringVar(&region, "region", "", "look in the ledger of `REGION` only")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	a.completeFlag(cmd, "region", &w, regionNames)
	return cmd
}

// findLedgerEntry looks in the regions' ledgers one after the other.
func findLedgerEntry(ctx context.Context, d *deployment, region, id string) (admin.LedgerEntry, error) {
	regions, err := ledgerRegions(ctx, d, region)
	if err != nil {
		return admin.LedgerEntry{}, err
	}
	var silent error
	for _, r := range regions {
		entry, err := d.node.LedgerEntry(ctx, r, id)
		switch {
		case err == nil:
			return entry, nil
		case errors.Is(err, admin.ErrNotReady):
			silent = fmt.Errorf("the ledger of %s can't be read: %w", r, err)
		case !errors.Is(err, admin.ErrNotFound):
			return admin.LedgerEntry{}, err
		}
	}
	if silent != nil {
		return admin.LedgerEntry{}, fmt.Errorf("%s is in no ledger that can be read; %w", id, silent)
	}
	return admin.LedgerEntry{}, fmt.Errorf("%w: %s is in no ledger; see geomq ledger ls", admin.ErrNotFound, id)
}

func ledgerSheet(out term.Output, e *admin.LedgerEntry) []string {
	s := newSheet(out)
	s.title(term.Strong, "%s in the ledger of %s", e.ID, e.Region)
	s.pair("stood at", "offset %s of %s, epoch %d", table.Count(e.Offset), e.Log, e.Epoch)
	s.pair("found", "%s", stampText(e.Found))
	s.pair("reason", "%s", e.Reason)
	s.pair("written", "%s", stampText(e.Time))
	s.pair("subject", "%s", e.Subject)
	s.pair("key", "%s", e.Key)
	if e.Again == nil {
		s.pair("published again", "no; do it with: geomq ledger republish %s", e.ID)
	} else {
		s.pair("published again", "%s as %s", stampText(e.Again.At), e.Again.As)
	}
	s.pair("header", "%s", bytesText(e.Entry.Header))
	s.pair("body", "%s", bytesText(e.Entry.Body))
	s.pair("body size", "%s", table.Bytes(uint64(len(e.Entry.Body))))
	s.pair("digest", "%s", e.Entry.Digest)
	return s.end()
}

// bytesText is text as it is, anything else with escapes, cut where it is long.
func bytesText(data []byte) string {
	more := ""
	if len(data) > shownBody {
		data, more = data[:shownBody], "…"
	}
	if utf8.Valid(data) {
		return string(data) + more
	}
	return strconv.Quote(string(data)) + more
}

// stampText is a time to the second, None where it is zero.
func stampText(t time.Time) string {
	if t.IsZero() {
		return table.None
	}
	return t.UTC().Format(time.RFC3339)
}

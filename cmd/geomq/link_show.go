package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"geomq/admin"
	"geomq/cmd/geomq/internal/table"
	"geomq/cmd/geomq/internal/term"
)

func newLinkShow(a *app) *cobra.Command {
	var f viewFlags
	var region string
	cmd := &cobra.Command{
		Use:   "show LOG",
		Short: "Show all that is known about the links of a log",
		Long: `show tells of each link that pulls LOG: from which holder, and why not from the
origin; the other holders it knows, as they last answered; what a halted link
can't get from anyone; and what it has carried since its node started. LOG is a
name (ORDERS: of all origins) or one CommitLog (ORDERS@us-east).`,
		Example: `  geomq link show ORDERS@us-east
  geomq link show ORDERS@us-east --region ap-south --watch`,
		Args: arguments("LOG"),
	}
	cmd.Flags().StringVar(&region, "region", "", "only the link into `REGION`")
	newViewOf(a, cmd, &f, func(args []string) (view, error) { return linkView(args[0], region) })
	a.completeFirst(cmd, &f.where, logNames)
	a.completeFlag(cmd, "region", &f.where, regionNames)
	return cmd
}

func linkView(name, region string) (view, error) {
	if err := checkLogName(name); err != nil {
		return view{}, err
	}
	return view{
		check: func(st *admin.Status) error {
			if len(linksNamed(st, name, region)) == 0 {
				return fmt.Errorf("%w: no link pulls %q into %s; see geomq link ls", errNoSuchLog, name, firstOf(region, "any region"))
			}
			return nil
		},
		lines: func(out term.Output, st *admin.Status) []string {
			return append(linkSheet(out, st, linksNamed(st, name, region)), problemLines(out, st)...)
		},
		document: func(st *admin.Status) any {
			return struct {
				Links    []admin.Link `json:"links"`
				Problems []string     `json:"problems,omitempty"`
			}{orEmpty(linksNamed(st, name, region)), st.Problems}
		},
	}, nil
}

func firstOf(text, otherwise string) string {
	if text != "" {
		return text
	}
	return otherwise
}

func linksNamed(st *admin.Status, name, region string) []admin.Link {
	return slices.DeleteFunc(sortedLinks(st.Links), func(l admin.Link) bool {
		return string(l.Log) != name && st.StreamOf(l) != name || region != "" && string(l.To) != region
	})
}

func linkSheet(out term.Output, st *admin.Status, links []admin.Link) []string {
	s := newSheet(out)
	for i := range links {
		l := &links[i]
		s.title(linkState(*l).Style, "%s into %s: %s for %s", st.StreamOf(*l), l.To, l.State, table.Since(l.Since, st.At))
		linkWhy(s, l)
		s.pair("behind", "%s", behindText(l))
		s.pair("applied", "up to %s; the newest heard of is %s", table.Count(l.Applied), table.Count(max(l.Head, l.Applied)))
		s.pair("carried", "%s entries in %s frames, %s on the wire (%s)", table.Count(l.Entries), table.Count(l.Frames), table.Bytes(l.WireBytes), ratio(*l))
		s.pair("again", "%s resent, %s repeated", table.Count(l.Resent), table.Count(l.Repeated))
		s.pair("opened", "again %s, at another holder %s", times(l.Reconnects), times(l.Switches))
		s.pair("refused", "%s", refusals(l))
		if len(l.Holders) > 0 {
			s.table(holderTable(st, l).Lines(out))
		}
	}
	return s.end()
}

// behindText is one word where nothing is known.
func behindText(l *admin.Link) string {
	if l.LagEntries == nil {
		return table.Unknown
	}
	return fmt.Sprintf("%s entries, %s, %s", table.CountOr(l.LagEntries), table.BytesOr(l.LagBytes), table.SecondsOr(l.LagSeconds))
}

func times(n uint64) string { return plural(int(n), "time") }

// linkWhy says where the link pulls from and what keeps it from doing better.
func linkWhy(s *sheet, l *admin.Link) {
	from := string(l.From)
	if l.From != l.Origin && l.NotOrigin != "" {
		from += ", not the origin: " + l.NotOrigin
	}
	s.pair("from", "%s", from)
	s.pair("run by", "%s", l.Node)
	if l.State != admin.LinkStreaming && l.Reason != "" {
		s.pair("reason", "%s", l.Reason)
		s.pair("cause", "%s", l.Cause)
	}
	if len(l.Missing) > 0 {
		s.pair("missing", "%s (%s offsets), which nobody that was asked has", rangesText(l.Missing), table.Count(l.Missing.Len()))
	}
}

// refusals is e.g. "damaged 2, lost 1".
func refusals(l *admin.Link) string {
	var parts []string
	for cause, n := range l.Refused {
		parts = append(parts, fmt.Sprintf("%s %s", cause, table.Count(n)))
	}
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}

func holderTable(st *admin.Status, l *admin.Link) *table.Table {
	t := table.New(table.Column{Title: "HOLDER"}, table.Column{Title: "END", Right: true}, table.Column{Title: "RTT", Right: true},
		table.Column{Title: "ASKED", Right: true, Spare: 1}, table.Column{Title: "NOTE"})
	for _, h := range l.Holders {
		end, style, note := table.None, term.Plain, h.Problem
		if h.Last > 0 {
			end = table.Count(h.Last)
		}
		if h.Region == l.From {
			style, note = term.Good, firstOf(note, "in use")
		}
		if h.Avoided.After(st.At) {
			style, note = term.Warn, fmt.Sprintf("%s; avoided for another %s", firstOf(note, "it failed"), table.Duration(h.Avoided.Sub(st.At)))
		}
		rtt := table.None
		if h.RTTSeconds != nil {
			rtt = table.SecondsOr(h.RTTSeconds)
		}
		t.Row(table.Cell{Text: string(h.Region), Style: style}, table.Text(end), table.Text(rtt), table.Text(table.Since(h.Asked, st.At)), table.Text(note))
	}
	return t
}

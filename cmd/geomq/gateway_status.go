package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"geomq/admin/gatewayhttp"
	"geomq/cmd/geomq/internal/table"
	"geomq/configs"
	"geomq/geo/gateway"
)

func newGatewayStatus(a *app) *cobra.Command {
	var base string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show the backends of a gateway that runs alone, and where its clients are",
		Long: `status asks a gateway that runs alone which backends it has, how it judges each
of them and why, and how many clients are there. Exit code 1 says that no
backend takes clients, or that no gateway answers.`,
		Example: `  geomq gateway status
  geomq gateway status --json | jq '.backends[] | {name, state, connections}'`,
		Args: arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			st, err := gatewayhttp.Fetch(cmd.Context(), base)
			if err != nil {
				return err
			}
			if asJSON {
				err = a.printJSON(st)
			} else {
				err = a.printLines(a.gatewayLines(st))
			}
			if err == nil && !st.Serves {
				return &quietExit{exitFailed}
			}
			return err
		},
	}
	cmd.Flags().StringVar(&base, "admin", "http://"+configs.GatewayDefaults().Admin, "`URL` of the gateway's metrics and status")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print what the gateway answers")
	return cmd
}

// gatewayLines is a table of backends under a line about them all.
func (a *app) gatewayLines(st *gateway.Status) []string {
	first := fmt.Sprintf("gateway at %s: %s", st.Listen, plural(st.Connections, "connection"))
	if !st.Serves {
		first += "; NO BACKEND TAKES CLIENTS"
	}
	t := table.New(
		table.Column{Title: "BACKEND"}, table.Column{Title: "REGION"}, table.Column{Title: "STATE"},
		table.Column{Title: "CLIENTS", Right: true}, table.Column{Title: "RTT", Right: true, Spare: 1},
		table.Column{Title: "FOR", Right: true, Spare: 2}, table.Column{Title: "WHY", Spare: 3},
	)
	for _, b := range st.Backends {
		t.Row(table.Text(b.Name), table.Text(string(b.Region)), table.Text(string(b.State)), table.Text(fmt.Sprint(b.Connections)),
			table.Text(table.Duration(time.Duration(b.RoundTrip*float64(time.Millisecond)))),
			table.Text(table.Since(b.Since, a.now())), table.Text(b.Why))
	}
	return append([]string{first}, t.Lines(a.out)...)
}

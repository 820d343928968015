package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const envPrefix = "POINTSMAN_"

// newRoot builds the command tree.
func newRoot(s streams) *cobra.Command {
	root := &cobra.Command{
		Use:   "pointsman",
		Short: "Route events from where they happen to plugins, by rules",
		Long: `Pointsman takes events in (webhooks of intdash, notifications of S3 stores, messages of Amazon SNS and of WebSocket
rooms), matches them against rules written in HCL, and delivers them to plugins: separate programs that send mail, copy
objects, post messages.

Try it:
  pointsman run config.hcl
  pointsman send intdash --action completed --measurement 1a14f158-2a0c-44c7-ace1-e0d21ecc93e9

Look at a running router:
  pointsman status
  pointsman events list --state dead
  pointsman events show 41

Every flag can also be set by an environment variable: --log-level is ` + envPrefix + `LOG_LEVEL. Where the admin API is, is apart from
where events are sent: ` + urlVariable + ` and ` + tokenVariable + ` are for the operator's commands, ` + envPrefix + `URL and ` + envPrefix + `TOKEN for
"pointsman send".

` + exitCodesHelp,
		SilenceErrors:     true,
		SilenceUsage:      true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return flagsFromEnv(cmd.Flags()) },
		Args:              groupOnly,
		RunE:              func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.CompletionOptions.SetDefaultShellCompDirective(cobra.ShellCompDirectiveNoFileComp)
	root.SetIn(s.in)
	root.SetOut(s.out)
	root.SetErr(s.err)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return misused(cmd, "%v", err)
	})
	root.AddCommand(newRun(s), newValidate(s), newDoctor(s), newSend(s), newStatus(s), newEvents(s), newDead(s), newPlan(s), newReplay(s), newReload(s), newPlugins(s),
		newExplain(s), newFmt(s), newRooms(s), newPlugin(s), newReference(s), newLSP(s), newTest(s), newVersion(s))
	completeFlags(root)
	return root
}

// adminFlag annotates flags about access to the admin API, so that their variables are not those of senders.
const adminFlag = "admin"

// envName is the environment variable of a flag: POINTSMAN_<FLAG>, or POINTSMAN_ADMIN_<FLAG>.
func envName(f *pflag.Flag) string {
	name := strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
	if _, ok := f.Annotations[adminFlag]; ok {
		name = "ADMIN_" + name
	}
	return envPrefix + name
}

// flagsFromEnv sets flags that the command line does not set from their environment variables.
func flagsFromEnv(flags *pflag.FlagSet) error {
	var bad error
	flags.VisitAll(func(f *pflag.Flag) {
		name := envName(f)
		value, ok := os.LookupEnv(name)
		if !ok || f.Changed || bad != nil || f.Name == "var" || f.Name == "help" {
			return
		}
		if err := flags.Set(f.Name, value); err != nil {
			bad = usageError(fmt.Errorf("environment variable %s: %w", name, err))
		}
	})
	return bad
}

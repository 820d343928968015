package sdk

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"google.golang.org/protobuf/encoding/protojson"

	"github.com/pointsman/pointsman/plugins/sdk/handshake"
)

// byHand runs a plugin's program that a person started, or a router that wants its description.
type byHand struct {
	server   *Server
	commands []Command
	out, err io.Writer
}

var (
	describeNames = []string{handshake.ArgDescribe}
	versionNames  = []string{"version", "--version", "-version"}
	helpNames     = []string{"help", "--help", "-help", "-h"}
)

func ownCommand(name string) bool {
	return slices.Contains(slices.Concat(describeNames, versionNames, helpNames), name)
}

// run returns the exit code: 0, 1 for a failure, 2 for an unknown command.
func (b byHand) run(args []string) int {
	d := b.server.Description()
	program := handshake.FilePrefix + d.GetName()
	switch {
	case len(args) == 0:
		fmt.Fprintf(b.err, notByHand, program, d.GetName())
		return 1
	case slices.Contains(describeNames, args[0]):
		return b.describe()
	case slices.Contains(versionNames, args[0]):
		fmt.Fprintf(b.out, "%s %s (sdk %s)\n", program, d.GetVersion(), d.GetSdk())
		return 0
	case slices.Contains(helpNames, args[0]):
		writeHelp(b.out, d, b.commands)
		return 0
	}
	for _, c := range b.commands {
		if c.Name == args[0] {
			return b.command(program, c, args[1:])
		}
	}
	fmt.Fprintf(b.err, "%s: no command %q; `%s help` lists them\n", program, args[0], program)
	return 2
}

const notByHand = `%[1]s is a plugin of Pointsman. The router starts it; it does nothing by itself.

Put it into the folder that the configuration names (plugins { dir = "bin" }) and write a block
  plugin "%[2]s" "<a name of yours>" { ... }

"%[1]s help" shows its settings and arguments.
`

// describe prints the description. It indents it with encoding/json, because protojson varies its spaces on purpose.
func (b byHand) describe() int {
	compact, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(b.server.Description())
	var out bytes.Buffer
	if err == nil {
		err = json.Indent(&out, compact, "", "  ")
	}
	if err == nil {
		out.WriteByte('\n')
		_, err = out.WriteTo(b.out)
	}
	if err != nil {
		fmt.Fprintf(b.err, "describe: %v\n", err)
		return 1
	}
	return 0
}

func (b byHand) command(program string, c Command, args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := c.Run(ctx, args); err != nil {
		fmt.Fprintf(b.err, "%s %s: %v\n", program, c.Name, err)
		return 1
	}
	return 0
}

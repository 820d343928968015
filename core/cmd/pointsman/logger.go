package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/spf13/pflag"
	"golang.org/x/term"
)

// logFlags choose how the program logs.
type logFlags struct {
	level, format string
}

func (f *logFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.level, "log-level", "info", "debug, info, warn or error")
	flags.StringVar(&f.format, "log-format", "auto", "text, json, or auto: text on a terminal, JSON otherwise")
}

// logger returns the logger of the process, which writes to w.
func (f *logFlags) logger(w io.Writer) (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(f.level)); err != nil {
		return nil, usageError(fmt.Errorf("--log-level %q: want debug, info, warn or error", f.level))
	}
	o := &slog.HandlerOptions{Level: level}
	switch {
	case f.format == "json", f.format == "auto" && !isTerminal(w):
		return slog.New(slog.NewJSONHandler(w, o)), nil
	case f.format == "text", f.format == "auto":
		return slog.New(slog.NewTextHandler(w, o)), nil
	}
	return nil, usageError(fmt.Errorf("--log-format %q: want text, json or auto", f.format))
}

// isTerminal reports whether a stream is a terminal.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// useColor follows --color and NO_COLOR (https://no-color.org).
func useColor(flag string, w io.Writer) (bool, error) {
	switch flag {
	case "always":
		return true, nil
	case "never":
		return false, nil
	case "auto":
		return isTerminal(w) && os.Getenv("NO_COLOR") == "", nil
	}
	return false, usageError(fmt.Errorf("--color %q: want auto, always or never", flag))
}

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"
	"golang.org/x/time/rate"
	"google.golang.org/protobuf/proto"

	"github.com/pointsman/pointsman/core/config"
)

// pagesPerSecond is how finely a bulk change with a rate is divided, so that the rate is even: what one page makes due is delivered at
// once, and events that come in meanwhile wait.
const pagesPerSecond = 50

// bulkFlags are the flags of commands that change many records: they count first, ask, and change a page at a time.
type bulkFlags struct {
	dryRun, yes bool
	rate        string
}

func (f *bulkFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.BoolVar(&f.dryRun, "dry-run", false, "only count")
	flags.BoolVar(&f.yes, "yes", false, "do not ask")
	flags.StringVar(&f.rate, "rate", "", "the most in a time, such as 2000/s or 100/m (default: no limit)")
}

// bulk is a change of many records. Its page adds to tallies that its other functions read: of what was counted (dry run) and of
// what was changed.
type bulk struct {
	*bulkFlags
	// past is what is done, "retried", and nouns what it is done to, "dead letters".
	past, nouns string
	// page changes the page with this token, or only counts it, and returns how many records it changed or would change.
	page func(ctx context.Context, dryRun bool, size int32, token string) (n int, next string, err error)
	// tally is what was counted or changed so far, as a number of records, as a sentence and as a message.
	tally func(dryRun bool) (n int, sentence string, m proto.Message)
	// advise prints warnings after counting, before total records are changed.
	advise func(ctx context.Context, s streams, total int)
	// question asks whether to change n records.
	question func(n int) string
}

// perform counts, asks, changes, and reports what was done even if it was stopped.
func (b *bulk) perform(ctx context.Context, s streams, asJSON bool) error {
	if err := b.count(ctx); err != nil {
		return err
	}
	total, _, _ := b.tally(true)
	b.advise(ctx, s, total)
	switch {
	case b.dryRun:
		return b.report(s, true, asJSON)
	case total == 0:
		return b.report(s, false, asJSON)
	}
	if err := b.confirm(ctx, s, b.question(total)); err != nil {
		return err
	}
	err := b.run(ctx, s, total)
	return errors.Join(b.report(s, false, asJSON), err)
}

func (b *bulk) report(s streams, dryRun, asJSON bool) error {
	_, sentence, m := b.tally(dryRun)
	if asJSON {
		return writeJSON(s.out, m)
	}
	_, err := fmt.Fprintln(s.out, sentence)
	return err
}

// check returns what is wrong with the flags, before anything is counted.
func (f *bulkFlags) check(s streams) error {
	if _, err := f.limit(); err != nil {
		return err
	}
	if !f.yes && !f.dryRun && !isTerminal(s.in) {
		return usageError(errors.New("there is no terminal to ask on: add --yes to do it, or --dry-run to count"))
	}
	return nil
}

// limit is the value of --rate, its zero value without one.
func (f *bulkFlags) limit() (config.Rate, error) {
	if f.rate == "" {
		return config.Rate{}, nil
	}
	r, err := config.ParseRate(f.rate)
	if err != nil {
		return r, usageError(fmt.Errorf("--rate %q: %w", f.rate, err))
	}
	return r, nil
}

// count looks at all pages and changes nothing.
func (b *bulk) count(ctx context.Context) error {
	token := ""
	for {
		_, next, err := b.page(ctx, true, maxPage, token)
		if err != nil || next == "" {
			return err
		}
		token = next
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

// run changes all pages, of total records. It stops between two pages when ctx ends, so that it always knows what was done.
func (b *bulk) run(ctx context.Context, s streams, total int) error {
	limit, err := b.limit()
	if err != nil {
		return err
	}
	size, limiter := pacing(limit)
	shown := showProgress(s, b.past, b.nouns, total)
	defer shown.end()
	done, token := 0, ""
	for {
		n, next, err := b.page(context.WithoutCancel(ctx), false, size, token)
		if err != nil {
			return b.stopped(s, done, total, err)
		}
		done += n
		shown.update(done)
		if next == "" {
			return nil
		}
		token = next
		if limiter.WaitN(ctx, min(n, int(size))) != nil || ctx.Err() != nil { // it fails only when ctx ends
			return b.stopped(s, done, total, errors.New("interrupted"))
		}
	}
}

// stopped reports the progress of a change that err has stopped.
func (b *bulk) stopped(s streams, done, total int, err error) error {
	fmt.Fprintf(s.err, "Stopped after %s of %s %s: run the command again for the rest.\n", humanize.Comma(int64(done)), humanize.Comma(int64(total)), b.nouns)
	return err
}

// pacing returns the size of a page, and the limiter that a page's records are taken from after it.
func pacing(r config.Rate) (int32, *rate.Limiter) {
	if r.N == 0 {
		return maxPage, rate.NewLimiter(rate.Inf, maxPage)
	}
	perSecond := float64(r.N) / r.Per.Seconds()
	size := int(min(max(perSecond/pagesPerSecond, 1), maxPage))
	limiter := rate.NewLimiter(rate.Limit(perSecond), size)
	limiter.Allow() // A limiter starts full, which would let two pages go at once.
	return int32(size), limiter
}

// confirm asks a question on the terminal, unless --yes was given. An error means that the answer is not yes.
func (f *bulkFlags) confirm(ctx context.Context, s streams, question string) error {
	if f.yes {
		return nil
	}
	fmt.Fprintf(s.err, "%s [y/N] ", question)
	answered := make(chan string, 1)
	go func() { // It is left behind when ctx ends; then the process ends, too.
		line, _ := bufio.NewReader(io.LimitReader(s.in, 100)).ReadString('\n')
		answered <- strings.ToLower(strings.TrimSpace(line))
	}()
	select {
	case answer := <-answered:
		if answer == "y" || answer == "yes" {
			return nil
		}
	case <-ctx.Done():
		fmt.Fprintln(s.err)
	}
	fmt.Fprintln(s.err, "Nothing was changed.")
	return errReported
}

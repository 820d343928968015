package main

import (
	"fmt"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/schollz/progressbar/v3"
)

// progressEvery is how often a line reports the progress when there is no terminal.
const progressEvery = 10 * time.Second

// progress shows on standard error how far a command is: as a bar on a terminal, otherwise as lines.
type progress struct {
	s           streams
	past, nouns string
	total       int
	bar         *progressbar.ProgressBar
	last        time.Time
}

func showProgress(s streams, past, nouns string, total int) *progress {
	p := &progress{s: s, past: past, nouns: nouns, total: total, last: s.now()}
	if isTerminal(s.err) {
		p.bar = progressbar.NewOptions(total, progressbar.OptionSetWriter(s.err), progressbar.OptionShowCount(), progressbar.OptionClearOnFinish())
	}
	return p
}

// update shows how many are done.
func (p *progress) update(done int) {
	if p.bar != nil {
		_ = p.bar.Set(min(done, p.total)) // what cannot be shown is no reason to stop
		return
	}
	if now := p.s.now(); now.Sub(p.last) >= progressEvery {
		p.last = now
		fmt.Fprintf(p.s.err, "%s %s of %s %s\n", p.past, humanize.Comma(int64(done)), humanize.Comma(int64(p.total)), p.nouns)
	}
}

// showShare shows the progress of something whose end is only estimated.
func showShare(s streams, past, nouns string) *progress {
	p := &progress{s: s, past: past, nouns: nouns, total: 100, last: s.now()}
	if isTerminal(s.err) {
		p.bar = progressbar.NewOptions(p.total, progressbar.OptionSetWriter(s.err), progressbar.OptionSetPredictTime(false), progressbar.OptionClearOnFinish())
	}
	return p
}

// share shows how many are done, and the share of the whole that this is, from 0 to 1.
func (p *progress) share(done int64, share float64) {
	n := humanize.Comma(done)
	percent := min(int(share*float64(p.total)), p.total-1) // 100 would be the end, and it is an estimate
	if p.bar != nil {
		p.bar.Describe(p.past + " " + n + " " + p.nouns)
		_ = p.bar.Set(percent) // what cannot be shown is no reason to stop
		return
	}
	if now := p.s.now(); now.Sub(p.last) >= progressEvery {
		p.last = now
		fmt.Fprintf(p.s.err, "%s %s %s (%d %%)\n", p.past, n, p.nouns, percent)
	}
}

// end removes the bar.
func (p *progress) end() {
	if p.bar != nil {
		_ = p.bar.Clear()
	}
}

package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/pointsman/pointsman/plugins/s3-mirror/reconcile"
)

const (
	barEvery  = 100 * time.Millisecond
	lineEvery = 10 * time.Second
)

// showProgress shows the progress of a run until stop is called: as a bar if w is a terminal and nothing else is printed,
// otherwise as a line every lineEvery.
func showProgress(w io.Writer, lines bool, now func() reconcile.Summary) (stop func()) {
	every, show, clear := lineEvery, func() { fmt.Fprintln(w, progress(now())) }, func() {}
	if f, ok := w.(*os.File); ok && !lines && term.IsTerminal(int(f.Fd())) {
		// The total is unknown until the end of the listings, so this is a spinner.
		bar := progressbar.NewOptions64(-1, progressbar.OptionSetWriter(w), progressbar.OptionSpinnerType(14),
			progressbar.OptionSetElapsedTime(false), progressbar.OptionClearOnFinish())
		every, show, clear = barEvery, func() { bar.Describe(progress(now())) }, func() { _ = bar.Clear() }
	}
	end := make(chan struct{})
	var ended sync.WaitGroup
	ended.Go(func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				show()
			case <-end:
				clear()
				return
			}
		}
	})
	return func() { close(end); ended.Wait() }
}

// progress returns a text that fits into a line of a terminal, because a bar that wraps is not erased completely.
func progress(s reconcile.Summary) string {
	text := fmt.Sprintf("listed %d/%d, differ %d, repaired %d (%s), failed %d",
		s.Source, s.Destination, s.Missing+s.Different+s.Extra, s.Repaired, humanize.IBytes(uint64(s.RepairedBytes)), s.Failed)
	if s.Deleted > 0 {
		text += fmt.Sprintf(", deleted %d", s.Deleted)
	}
	return text
}

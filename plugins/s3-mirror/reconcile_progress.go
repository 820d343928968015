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

// showProgress shows how far a run is until the returned function is called: as a bar on a terminal where nothing else is
// printed, as a line now and then otherwise.
func showProgress(w io.Writer, lines bool, now func() reconcile.Summary) (stop func()) {
	every, show, clear := lineEvery, func() { fmt.Fprintln(w, progress(now())) }, func() {}
	if f, ok := w.(*os.File); ok && !lines && term.IsTerminal(int(f.Fd())) {
		// How much there is to list, nobody knows before the end.
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

// progress fits into a line of a terminal: a bar that wraps leaves its pieces behind.
func progress(s reconcile.Summary) string {
	text := fmt.Sprintf("listed %d/%d, differ %d, repaired %d (%s), failed %d",
		s.Source, s.Destination, s.Missing+s.Different+s.Extra, s.Repaired, humanize.IBytes(uint64(s.RepairedBytes)), s.Failed)
	if s.Deleted > 0 {
		text += fmt.Sprintf(", deleted %d", s.Deleted)
	}
	return text
}

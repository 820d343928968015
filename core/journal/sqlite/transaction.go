package sqlite

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"zombiezen.com/go/sqlite"
)

// refused is the error of an op that fails alone and has written nothing.
type refused struct{ error }

func (r refused) Unwrap() error { return r.error }

// tx is the current transaction.
type tx struct {
	w     *writer
	now   int64
	bytes int64 // added by the appends of this transaction
	// Takes effect at commit.
	event, delivery int64 // last numbers assigned
	newKeys         map[keyHash]seenEntry
	tail            []byte
	marks           []mark // for table block
}

// commitGroup commits the ops in one transaction and ends each with its result.
func (w *writer) commitGroup(group []op) {
	defer w.releaseLoading()
	live := group[:0]
	for _, o := range group {
		if err := o.base().ctx.Err(); err != nil { // its caller has gone, and it has written nothing
			o.failed()
			o.base().done <- err
			continue
		}
		live = append(live, o)
	}
	if len(live) == 0 {
		return
	}
	err := w.transact(live)
	if err != nil && len(live) > 1 && isLocal(err) {
		// One op may have failed all of them: give each its own transaction.
		for _, o := range live {
			one := []op{o}
			w.settleOps(one, w.transact(one))
		}
		return
	}
	w.settleOps(live, err)
}

// settleOps ends the ops of one transaction.
func (w *writer) settleOps(group []op, err error) {
	for _, o := range group {
		b := o.base()
		switch {
		case err != nil:
			o.failed()
			b.done <- err
		case b.err != nil:
			o.failed()
			b.done <- b.err
		default:
			o.committed()
			b.done <- nil
		}
	}
}

// holdLoading locks q.loading until the group of ops has ended. Several ops of a group may need the same queue.
func (w *writer) holdLoading(q *queue) {
	if !slices.Contains(w.loading, q) {
		q.loading.Lock()
		w.loading = append(w.loading, q)
	}
}

func (w *writer) releaseLoading() {
	for _, q := range w.loading {
		q.loading.Unlock()
	}
	clear(w.loading)
	w.loading = w.loading[:0]
}

// isFull reports whether err means that the disk has no space left.
func isFull(err error) bool { return sqlite.ErrCode(err).ToPrimary() == sqlite.ResultFull }

// isLocal reports whether an error concerns what one op wrote, not the disk, which would fail every op.
func isLocal(err error) bool {
	switch sqlite.ErrCode(err).ToPrimary() {
	case sqlite.ResultFull, sqlite.ResultIOErr, sqlite.ResultNoMem, sqlite.ResultCorrupt, sqlite.ResultReadOnly, sqlite.ResultBusy, sqlite.ResultCantOpen:
		return false
	}
	return true
}

// transact writes all ops in one transaction. After an error nothing of it remains in the file or in memory.
func (w *writer) transact(group []op) (err error) {
	if err := w.s.prepare(w.c); err != nil {
		return err
	}
	t := &w.tx
	t.w, t.now, t.bytes, t.marks = w, time.Now().UnixNano(), 0, t.marks[:0]
	t.event, t.delivery, t.tail = w.event, w.delivery, t.tail[:0]
	clear(t.newKeys)
	defer func() {
		if err != nil {
			err = fmt.Errorf("write journal: %w", asFull(err))
			w.rollback()
		}
		w.j.space.failing.Store(err != nil && !isLocal(err))
		if isFull(err) {
			w.j.requestCheckpoint()
		}
	}()
	if err := step(w.s.begin); err != nil {
		return err
	}
	for _, o := range group {
		b := o.base()
		b.err = nil
		if err := o.write(t); err != nil {
			var r refused
			if !errors.As(err, &r) {
				return err
			}
			b.err = r.error
		}
		w.written += b.bytes + 512
	}
	w.written += commitPages * w.j.space.pageSize
	return t.commit()
}

// commit appends the transaction's dedupe keys as one row and commits. Afterwards memory agrees with the file.
func (t *tx) commit() error {
	w := t.w
	if err := w.blocks.write(w.c); err != nil {
		return err
	}
	if len(t.tail) > 0 {
		s := w.s.insertTail
		s.BindInt64(1, w.tailID+1)
		s.BindBytes(2, t.tail)
		if err := step(s); err != nil {
			return err
		}
	}
	used, err := w.s.used()
	if err != nil {
		return err
	}
	start := time.Now()
	if err := step(w.s.commit); err != nil {
		return err
	}
	if m := w.j.o.Metrics; m != nil {
		m.commit.Observe(time.Since(start).Seconds())
	}
	if t.event > w.event {
		w.lastAppend = time.Now()
	}
	w.event, w.delivery = t.event, t.delivery
	w.blocks.complete = nil
	for _, m := range t.marks {
		w.blocks.add(m)
	}
	if len(t.tail) > 0 {
		w.tailID++
		w.j.seen.remember(t.newKeys)
	}
	w.j.space.setUsed(used)
	w.wrote()
	return nil
}

// rollback also discards the keys that the transaction learnt.
func (w *writer) rollback() {
	clear(w.plugins)
	clear(w.sources)
	w.forgetDispatches()
	if w.c.AutocommitEnabled() {
		return
	}
	if err := execAll(w.c, "ROLLBACK"); err != nil {
		w.j.o.Log.Error("journal cannot roll back", "err", err)
	}
}

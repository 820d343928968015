package sqlite

import (
	"context"

	"zombiezen.com/go/sqlite"
)

// dropOp gives dead letters up. Their reasons move from table dead to table dropped.
type dropOp struct {
	opBase
	j       *Journal
	seqs    []int64
	dropped []string // the plugins of the dropped ones
}

// Drop implements journal.Operator.
func (j *Journal) Drop(ctx context.Context, seqs []int64) (int, error) {
	return inBatches(seqs, "drop dead letters", func(batch []int64) (int, error) {
		o := &dropOp{j: j, seqs: batch}
		if err := j.w.do(ctx, o); err != nil {
			return 0, err
		}
		return len(o.dropped), nil
	})
}

func (o *dropOp) write(t *tx) error {
	o.dropped = o.dropped[:0]
	for _, seq := range o.seqs {
		before := len(o.dropped)
		err := query(t.w.c, `UPDATE delivery SET state = 3, settled = ? WHERE seq = (SELECT delivery FROM dead WHERE delivery = ?)
			RETURNING (SELECT name FROM plugin p WHERE p.id = plugin)`,
			func(s *sqlite.Stmt) error {
				o.dropped = append(o.dropped, s.ColumnText(0))
				return nil
			}, t.now, seq)
		if err != nil {
			return err
		}
		if len(o.dropped) == before {
			continue
		}
		if err := execute(t.w.c, "INSERT INTO dropped SELECT delivery, reason, error FROM dead WHERE delivery = ?", seq); err != nil {
			return err
		}
		if err := execute(t.w.c, "DELETE FROM dead WHERE delivery = ?", seq); err != nil {
			return err
		}
	}
	return nil
}

func (o *dropOp) committed() {
	for _, plugin := range o.dropped {
		o.j.queue(plugin).dead.Add(-1)
	}
	o.j.space.settled()
}

func (o *dropOp) failed() {}

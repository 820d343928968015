package redrive

import (
	"context"
	"fmt"
)

// redrive sends all dead letters again, as an operator does, and returns when the last one is due.
func (s *site) redrive(ctx context.Context) error {
	out, err := s.router.Command(ctx, "dead", "retry", "--all", "--rate", fmt.Sprintf("%.0f/s", s.retry), "--yes")
	if err != nil {
		return err
	}
	fmt.Print(out)
	return nil
}

package app

import (
	"fmt"

	"github.com/pointsman/pointsman/core/config"
	"github.com/pointsman/pointsman/core/pluginhost"
	"github.com/pointsman/pointsman/core/rule"
	"github.com/pointsman/pointsman/core/source"
	pluginv1 "github.com/pointsman/pointsman/proto/pointsman/plugin/v1"
)

// bodyCopies is how often an encoded event may contain the bytes of its body: as the body, as JSON and as text.
const bodyCopies = 3

// checkLimits reports limits of different parts of the router that contradict each other: a source must not accept an event that
// a later part cannot handle. Limits within one part are checked by that part.
func checkLimits(cfg *config.Config, sources []source.Source) {
	largest := map[string]int64{}
	for _, s := range sources {
		info := s.Info()
		largest[info.Name] = info.MaxBody
	}
	for _, s := range cfg.Sources {
		for _, d := range contradictions(largest[s.Name], cfg.Journal.MaxBytes) {
			s.Diagnose(d)
		}
	}
}

// contradictions returns the later limits that the largest event of a source exceeds. All sizes are in bytes.
func contradictions(maxBody, maxJournal int64) (found []*pluginv1.Diagnostic) {
	event := bodyCopies * maxBody
	switch {
	case event+rule.MaxArguments > pluginhost.MaxDelivery:
		found = append(found, problem("", "Events are too large for plugins", fmt.Errorf(
			"the source accepts messages of up to %d bytes, but a delivery to a plugin has at most %d bytes, and an event can contain its message %d times. Lower limits.message_bytes to %d or less",
			maxBody, pluginhost.MaxDelivery, bodyCopies, (pluginhost.MaxDelivery-rule.MaxArguments)/bodyCopies)))
	case maxBody > rule.MaxArguments:
		found = append(found, warning("Events are larger than arguments", fmt.Sprintf(
			"the source accepts messages of up to %d bytes, but the arguments of a delivery have at most %d bytes. A rule that passes on a longer message causes a dead letter. Lower limits.message_bytes to %d, or do not pass on whole messages",
			maxBody, rule.MaxArguments, rule.MaxArguments)))
	}
	if maxJournal > 0 && event > maxJournal {
		found = append(found, warning("Events are too large for the journal", fmt.Sprintf(
			"the source accepts events of up to %d bytes, but journal.max_bytes is %d. Larger events are always answered 503. Raise journal.max_bytes", event, maxJournal)))
	}
	return found
}

func warning(summary, detail string) *pluginv1.Diagnostic {
	return &pluginv1.Diagnostic{Severity: pluginv1.Diagnostic_SEVERITY_WARNING, Summary: summary, Detail: detail}
}

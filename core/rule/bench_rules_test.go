package rule

import (
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/pointsman/pointsman/core/config"
	pointsmanv1 "github.com/pointsman/pointsman/proto/pointsman/v1"
)

// BenchmarkRules is the cost of an event that one rule of many takes (of none, in the shape "miss"), with its arguments. Beside
// it, in the same run, are the cost of evaluating every rule, and of ten rules as somebody would write them in Go.
func BenchmarkRules(b *testing.B) {
	for _, events := range benchEvents {
		for _, shape := range events.shapes {
			for _, n := range []int{10, 100, 1000, 10_000} {
				b.Run(fmt.Sprintf("%s/%s/%d-rules", events.name, shape.name, n), func(b *testing.B) {
					benchMatch(b, benchSet(b, events.source, n, shape.when), events.event, shape.matched)
				})
			}
		}
		b.Run(events.name+"/equality/1000-rules-without-index", func(b *testing.B) {
			set := benchSet(b, events.source, 1000, events.shapes[0].when)
			everyRule(set)
			benchMatch(b, set, events.event, 1)
		})
		b.Run(events.name+"/equality/10-rules-in-go", func(b *testing.B) { benchGo(b, events.event, events.plain) })
	}
}

func benchMatch(b *testing.B, set *Set, env *pointsmanv1.Envelope, deliveries int) {
	runtime.GC() // what loading left behind is no cost of an event
	b.ReportAllocs()
	for b.Loop() {
		if n := len(set.Match(env)); n != deliveries {
			b.Fatalf("%d deliveries", n)
		}
	}
}

func benchGo(b *testing.B, env *pointsmanv1.Envelope, plain func(*pointsmanv1.Envelope) []byte) {
	b.ReportAllocs()
	for b.Loop() {
		if plain(env) == nil {
			b.Fatal("no match")
		}
	}
}

// BenchmarkLoad reads and compiles rules from their text.
func BenchmarkLoad(b *testing.B) {
	for _, n := range []int{1000, 10_000, 100_000} {
		b.Run(fmt.Sprintf("%d-rules", n), func(b *testing.B) {
			paths := benchFiles(b, "topic", n, benchEvents[0].shapes[0].when)
			b.ReportAllocs()
			for b.Loop() {
				benchLoad(b, paths)
			}
		})
	}
}

// benchEvents are events of two kinds: one whose content is JSON, and one whose fields are known.
var benchEvents = []struct {
	name, source string
	event        *pointsmanv1.Envelope
	shapes       []benchShape
	plain        func(*pointsmanv1.Envelope) []byte
}{
	{"json", "topic", benchMessage(), jsonShapes, plainJSON},
	{"s3", "bucket", benchObject(), s3Shapes, plainS3},
}

// benchShape is a form of condition; rule i of n has when(i), and rule 7 takes the event unless matched is 0.
type benchShape struct {
	name    string
	when    func(i int) string
	matched int
	// candidates is how many of 1,000 rules are evaluated.
	candidates int
}

var jsonShapes = []benchShape{
	{"equality", func(i int) string {
		return fmt.Sprintf(`event.data.message_json.detail.type == "order" && event.data.message_json.detail.account == "account-%d"`, i)
	}, 1, 1},
	{"miss", func(i int) string {
		return fmt.Sprintf(`event.data.message_json.detail.type == "order" && event.data.message_json.detail.account == "nobody-%d"`, i)
	}, 0, 0},
	{"prefix", func(i int) string {
		return fmt.Sprintf(`event.data.message_json.detail.type == "order" && startswith(event.data.message_json.detail.path, "shops/%d/")`, i)
	}, 1, 1},
	{"mixed", func(i int) string {
		return mixed(i, "event.data.message_json.detail.account", "account-", "event.data.message_json.detail.path", "shops/", "event.data.message_json.detail.total")
	}, 1, 1},
}

var s3Shapes = []benchShape{
	{"equality", func(i int) string {
		return fmt.Sprintf(`event.type == "s3.object.created" && event.data.object.bucket == "media-%d"`, i)
	}, 1, 1},
	{"miss", func(i int) string {
		return fmt.Sprintf(`event.type == "s3.object.created" && event.data.object.bucket == "nothing-%d"`, i)
	}, 0, 0},
	{"prefix", func(i int) string {
		return fmt.Sprintf(`event.type == "s3.object.created" && startswith(event.data.object.key, "shops/%d/")`, i)
	}, 1, 1},
	{"mixed", func(i int) string {
		return mixed(i, "event.data.object.bucket", "media-", "event.data.object.key", "shops/", "event.data.object.size")
	}, 1, 1},
}

// mixed takes a form of condition by the number of the rule: equality, membership, prefix, suffix, alternatives, and a number.
func mixed(i int, name, names, path, folder, size string) string {
	switch i % 6 {
	case 0:
		return fmt.Sprintf(`%s == "%s%d" && %s > 10`, name, names, i, size)
	case 1:
		return fmt.Sprintf(`contains(["%s%d", "other-%d"], %s) && startswith(%s, %q)`, names, i, i, name, path, folder)
	case 2:
		return fmt.Sprintf(`endswith(%s, "-%d.png")`, path, i)
	case 3:
		return fmt.Sprintf(`%s == "x-%d" || startswith(%s, "y-%d/")`, name, i, path, i)
	case 4:
		return fmt.Sprintf(`%s == %d && %s != "z"`, size, 1_000_000+i, name)
	}
	return fmt.Sprintf(`startswith(%s, "%s%d/") && matches("x$", %s)`, path, folder, i+1_000_000, path)
}

func benchRuleText(source, when string, i int) string {
	text, channel := "New photo ${event.data.object.bucket}/${event.data.object.key} of ${event.data.object.size} bytes", "event.data.region"
	if source == "topic" {
		text = "Order ${event.data.message_json.detail.id} of ${event.data.message_json.detail.customer.name}"
		channel = "event.data.message_json.detail.account"
	}
	return fmt.Sprintf(`
rule "r%d" {
  on   = [%q]
  when = %s
  dispatch "ops" {
    text    = %q
    channel = %s
  }
}
`, i, source, when, text, channel)
}

// benchFiles writes n rules into files of less than 1 MiB.
func benchFiles(b testing.TB, source string, n int, when func(i int) string) []string {
	dir := b.TempDir()
	var text strings.Builder
	paths := []string{"testdata/world.hcl"}
	for i := range n {
		text.WriteString(benchRuleText(source, when(i), i))
		if text.Len() > 1_000_000 || i == n-1 {
			path := fmt.Sprintf("%s/%d.hcl", dir, i)
			writeFile(b, path, []byte(text.String()))
			paths = append(paths, path)
			text.Reset()
		}
	}
	return paths
}

func benchLoad(b testing.TB, paths []string) *Set {
	cfg, diags := config.Load(b.Context(), paths, testOptions())
	set, found := Compile(cfg)
	if diags.Append(found...); diags.HasErrors() {
		b.Fatal(diags.Error())
	}
	return set
}

func benchSet(b testing.TB, source string, n int, when func(i int) string) *Set {
	return benchLoad(b, benchFiles(b, source, n, when))
}

// benchMessage is a notification of SNS whose message is JSON of about 700 bytes.
func benchMessage() *pointsmanv1.Envelope {
	const text = `{"version":"0","id":"6a7e8feb-b491-4cf7-a9f1-bf3703467718","detail-type":"Order placed","source":"com.example.shop",` +
		`"account":"123456789012","time":"2026-11-22T18:43:48Z","region":"eu-north-1","resources":["arn:aws:shop:eu-north-1:123456789012:order/9007199254740993"],` +
		`"detail":{"type":"order","account":"account-7","path":"shops/7/orders/2026/11/22","id":9007199254740993,"total":1299.50,"currency":"EUR",` +
		`"customer":{"name":"Ada Lovelace","tier":"gold","email":"ada@example.com","address":{"street":"12 St James's Square","city":"London","zip":"SW1Y 4JH"}},` +
		`"lines":[{"sku":"A-1001","n":1,"price":999.50},{"sku":"B-2002","n":2,"price":150.00}],"note":"leave the parcel with the neighbours","paid":true}}`
	return &pointsmanv1.Envelope{
		Id: "01", Source: "topic", Kind: "sns", Type: "sns.notification", TimeUnixNano: 1e18, ReceivedUnixNano: 1e18 + 1,
		Data: &pointsmanv1.Envelope_Sns{Sns: &pointsmanv1.SnsNotification{Message: text, MessageJson: &pointsmanv1.Json{Text: []byte(text)}}},
	}
}

// benchObject is an object of a store, under a key that one rule of each shape takes.
func benchObject() *pointsmanv1.Envelope {
	env := benchEvent()
	env.GetS3().Object.Bucket, env.GetS3().Object.Key = "media-7", "shops/7/orders/2026/11/dog.jpg"
	return env
}

func benchArguments(text, channel string) []byte {
	arguments, err := json.Marshal(struct {
		Text    string `json:"text"`
		Channel string `json:"channel"`
	}{text, channel})
	if err != nil {
		panic(err) // two strings
	}
	return arguments
}

func plainJSON(env *pointsmanv1.Envelope) []byte {
	var message struct {
		Detail struct {
			Type, Account string
			ID            json.Number
			Customer      struct{ Name string }
		}
	}
	if err := json.Unmarshal(env.GetSns().GetMessageJson().GetText(), &message); err != nil {
		return nil
	}
	d := &message.Detail
	if d.Type != "order" {
		return nil
	}
	switch d.Account {
	case "account-0", "account-1", "account-2", "account-3", "account-4", "account-5", "account-6", "account-7", "account-8", "account-9":
		return benchArguments(fmt.Sprintf("Order %s of %s", d.ID, d.Customer.Name), d.Account)
	}
	return nil
}

func plainS3(env *pointsmanv1.Envelope) []byte {
	o := env.GetS3().GetObject()
	if env.GetType() != "s3.object.created" {
		return nil
	}
	switch o.GetBucket() {
	case "media-0", "media-1", "media-2", "media-3", "media-4", "media-5", "media-6", "media-7", "media-8", "media-9":
		return benchArguments(fmt.Sprintf("New photo %s/%s of %d bytes", o.GetBucket(), o.GetKey(), o.GetSize()), env.GetS3().GetRegion())
	}
	return nil
}

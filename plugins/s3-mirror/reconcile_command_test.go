package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"

	"github.com/pointsman/pointsman/plugins/s3-mirror/reconcile"
	"github.com/pointsman/pointsman/plugins/s3-mirror/s3test"
	"github.com/pointsman/pointsman/plugins/sdk/testenv"
)

// reconcileRig is a mirror between two buckets of real servers, and its settings as JSON.
type reconcileRig struct {
	t        *testing.T
	from, to s3test.Location
	settings string
}

func newReconcileRig(t *testing.T) *reconcileRig {
	t.Helper()
	testenv.Need(t, testenv.Rclone)
	r := &reconcileRig{
		t:    t,
		from: s3test.Location{Server: s3test.MinIO(t, nil), Bucket: "main"},
		to:   s3test.Location{Server: s3test.VersityGW(t, s3test.VersityOptions{}), Bucket: "copy", Prefix: "main/"},
	}
	block := func(l s3test.Location) map[string]string {
		if _, err := l.Server.Client().CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &l.Bucket}); err != nil {
			t.Fatal(err)
		}
		return map[string]string{
			"endpoint": l.Server.Endpoint, "bucket": l.Bucket, "prefix": l.Prefix, "access_key": l.Server.AccessKey, "secret_key": l.Server.SecretKey,
		}
	}
	text, err := json.Marshal(map[string]any{"source": block(r.from), "destination": block(r.to), "deletes": true})
	if err != nil {
		t.Fatal(err)
	}
	r.settings = string(text)
	return r
}

func (r *reconcileRig) put(l s3test.Location, key, body string) {
	r.t.Helper()
	in := &s3.PutObjectInput{Bucket: &l.Bucket, Key: aws.String(l.Prefix + key), Body: strings.NewReader(body)}
	if _, err := l.Server.Client().PutObject(r.t.Context(), in); err != nil {
		r.t.Fatal(err)
	}
}

// run returns the output with times replaced.
func (r *reconcileRig) run(args ...string) (string, error) {
	var out, stderr bytes.Buffer
	c := reconciler{in: strings.NewReader(r.settings), out: &out, err: &stderr}
	err := c.run(r.t.Context(), append([]string{"--settings", "-"}, args...))
	if strings.Contains(out.String()+stderr.String()+fmt.Sprint(err), r.from.Server.SecretKey) {
		r.t.Error("the secret key was printed")
	}
	text := regexp.MustCompile(`in [0-9.]+m?s`).ReplaceAllString(out.String(), "in TIME")
	return regexp.MustCompile(`"seconds": [0-9.e-]+`).ReplaceAllString(text, `"seconds": 0.5`), err
}

func TestReconcileCommand(t *testing.T) {
	r := newReconcileRig(t)
	for _, key := range []string{"a", "b", "c"} {
		r.put(r.from, key, "body of "+key)
	}
	r.put(r.to, "b", "longer body of b")
	r.put(r.to, "c", "body of c")
	r.put(r.to, "z", "extra")

	dry, err := r.run("--dry-run")
	lines := strings.Split(strings.TrimSpace(dry), "\n")
	slices.Sort(lines[:3])
	want := []string{
		`would copy "a" (missing)`,
		`would copy "b" (different, 16 bytes, not 9)`,
		`would delete "z" (extra)`,
		`listed 3 at the source, 3 at the destination: missing 1, different 1, extra 1`,
		`nothing was changed: this was a dry run; unchanged 1, in TIME`,
	}
	if d := cmp.Diff(want, lines); d != "" || err != nil {
		t.Error(d, err)
	}

	got, err := r.run("--json")
	golden, errRead := os.ReadFile(filepath.Join("testdata", "reconcile.json"))
	if d := cmp.Diff(string(golden), got); d != "" || err != nil || errRead != nil {
		t.Error(d, err, errRead)
	}

	r.put(r.from, "a", "another body of a")
	got, err = r.run("--verbose")
	want = []string{
		`copied "a" (different, 9 bytes, not 17)`,
		`listed 3 at the source, 3 at the destination: missing 0, different 1, extra 0`,
		`repaired 1 (17 B), deleted 0, failed 0, unchanged 2, in TIME`,
	}
	if d := cmp.Diff(want, strings.Split(strings.TrimSpace(got), "\n")); d != "" || err != nil {
		t.Error(d, err)
	}
	if d, err := s3test.Compare(t.Context(), r.from, r.to); err != nil || len(d) > 0 {
		t.Error(d, err)
	}
}

// If the destination refuses uploads, the error names the objects.
func TestReconcileFails(t *testing.T) {
	r := newReconcileRig(t)
	r.put(r.from, "folder", "an object")
	r.put(r.to, "folder/x", "this makes it a folder, which versitygw does not replace")
	r.settings = strings.Replace(r.settings, `"deletes":true`, `"deletes":false`, 1)
	out, err := r.run()
	if err == nil || !strings.HasPrefix(err.Error(), "1 failed\n  \"folder\": destination bucket \"copy\", key \"main/folder\"") {
		t.Errorf("got %v", err)
	}
	if !strings.Contains(out, "repaired 0 (0 B), deleted 0, failed 1, unchanged 0, left 1, in TIME") {
		t.Error(out)
	}
}

func TestReconcileMistakes(t *testing.T) {
	bucket := `{"source": {"bucket": "a"}, "destination": {"bucket": "b", "region": "eu-west-1"}}`
	for name, test := range map[string]struct {
		settings string
		args     []string
		want     string
	}{
		"no settings":   {"", nil, "pointsman plugin run <plugin> reconcile"},
		"no such file":  {"", []string{"--settings", "/nowhere.json"}, "settings: open /nowhere.json"},
		"not JSON":      {"bucket = ", []string{"--settings", "-"}, "settings: "},
		"no bucket":     {"{}", []string{"--settings", "-"}, "source.bucket: "},
		"other prefix":  {strings.Replace(bucket, `"a"`, `"a", "region": "eu-west-1", "prefix": "in/"`, 1), []string{"--settings", "-", "--prefix", "out/"}, `begin with "in/"`},
		"unknown flag":  {"", []string{"--delete"}, "--help lists the flags"},
		"argument":      {"", []string{"now"}, `"now" is not expected here`},
		"wrong setting": {`{"sauce": {}}`, []string{"--settings", "-"}, "sauce"},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			err := reconciler{in: strings.NewReader(test.settings), out: &out, err: &out}.run(t.Context(), test.args)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// The settings in the output of --help are valid.
func TestReconcileHelp(t *testing.T) {
	var out bytes.Buffer
	c := reconciler{out: &out, err: &out}
	if err := c.run(t.Context(), []string{"--help"}); err != nil {
		t.Fatal(err)
	}
	_, example, _ := strings.Cut(out.String(), "keeps secrets off the disk:\n")
	example, _, _ = strings.Cut(example, "\n\n")
	c.in = strings.NewReader(example)
	if s, err := c.settings("-"); err != nil || s.Destination.Prefix != "main/" {
		t.Errorf("%v\n%s", err, example)
	}
}

// Without a terminal, progress is a line every ten seconds.
func TestReconcileProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		stop := showProgress(&out, false, func() reconcile.Summary {
			return reconcile.Summary{Source: 12_345_678, Destination: 12_345_677, Missing: 5, Extra: 1, Repaired: 5, RepairedBytes: 5 << 30, Deleted: 1}
		})
		time.Sleep(35 * time.Second)
		stop()
		want := strings.Repeat("listed 12345678/12345677, differ 6, repaired 5 (5.0 GiB), failed 0, deleted 1\n", 3)
		if d := cmp.Diff(want, out.String()); d != "" {
			t.Error(d)
		}
	})
}

package main

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/pointsman/pointsman/plugins/s3-mirror/s3test"
)

// s3Servers is the key of the S3 servers of one story, by name.
type s3Servers struct{}

func serversOf(ts *testscript.TestScript) map[string]*s3test.Server {
	return ts.Value(s3Servers{}).(map[string]*s3test.Server)
}

// startS3 is `s3server minio|versitygw NAME BUCKET [WEBHOOK TOKEN]`: a real server until the story ends, with a bucket. The
// story has NAME_ENDPOINT, NAME_ACCESS_KEY and NAME_SECRET_KEY, and NAME: for rclone.
func startS3(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 && len(args) != 5 {
		ts.Fatalf("usage: s3server minio|versitygw NAME BUCKET [WEBHOOK TOKEN]")
	}
	kind, name, bucket := args[0], args[1], args[2]
	dir := filepath.Join(ts.Getenv("WORK"), "servers", name)
	var s *s3test.Server
	var err error
	switch {
	case kind == "minio" && len(args) == 5:
		s, err = s3test.StartMinIO(context.Background(), dir, &s3test.Webhook{URL: args[3], Token: args[4]})
	case kind == "minio":
		s, err = s3test.StartMinIO(context.Background(), dir, nil)
	default:
		s, err = s3test.StartVersityGW(context.Background(), dir, s3test.VersityOptions{})
	}
	ts.Check(err)
	ts.Defer(func() { ts.Check(s.Stop()) })
	serversOf(ts)[name] = s
	for variable, value := range map[string]string{"ENDPOINT": s.Endpoint, "ACCESS_KEY": s.AccessKey, "SECRET_KEY": s.SecretKey} {
		ts.Setenv(name+"_"+variable, value)
	}
	for option, value := range map[string]string{
		"TYPE": "s3", "PROVIDER": "Other", "REGION": s.Region, "ENDPOINT": s.Endpoint, "ACCESS_KEY_ID": s.AccessKey, "SECRET_ACCESS_KEY": s.SecretKey,
	} {
		ts.Setenv("RCLONE_CONFIG_"+name+"_"+option, value)
	}
	ts.Setenv("RCLONE_CONFIG", os.DevNull)
	ts.Check(ts.Exec("rclone", "mkdir", name+":"+bucket))
}

// notifyS3 is `s3notify NAME BUCKET`: the server sends the bucket's events to its webhook from here on.
func notifyS3(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 || serversOf(ts)[args[0]] == nil {
		ts.Fatalf("usage: s3notify NAME BUCKET, NAME being that of an s3server")
	}
	ts.Check(serversOf(ts)[args[0]].Notify(context.Background(), args[1]))
}

// until is `until REGEXP PROGRAM [ARG...]`: until the program prints a line that matches, with `!` until it prints none. Its
// output is what stdout and stderr look at next.
func until(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: until REGEXP PROGRAM [ARG...]")
	}
	line, err := regexp.Compile("(?m)" + args[0])
	ts.Check(err)
	eventually(ts, "until "+strings.Join(args, " "), func() bool {
		ts.Check(ts.Exec(args[1], args[2:]...))
		return line.MatchString(ts.ReadFile("stdout")) != neg
	})
}

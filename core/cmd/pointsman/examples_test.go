package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const root = "../../.."

// TestExamples runs the story of every example in a copy of its folder.
func TestExamples(t *testing.T) {
	folders, err := os.ReadDir(root + "/examples")
	if err != nil || len(folders) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, folder := range folders {
		t.Run(folder.Name(), func(t *testing.T) {
			dir := filepath.Join(root, "examples", folder.Name())
			runStories(t, filepath.Join(dir, "story.txtar"), dir)
		})
	}
}

// TestReadme types what the README tells its reader to type, against the configuration that `make run` runs.
func TestReadme(t *testing.T) {
	readme, err := os.ReadFile(root + "/README.md")
	if err != nil {
		t.Fatal(err)
	}
	config, err := os.ReadFile(root + "/config.hcl")
	if err != nil {
		t.Fatal(err)
	}
	commands := regexp.MustCompile(`(?m)^    (bin/pointsman send .*|cat data/.*)$`).FindAllStringSubmatch(string(readme), -1)
	if len(commands) != 2 {
		t.Fatalf("found %d commands to type in the README, want 2: %q", len(commands), commands)
	}
	// Only the ports differ from the file: the tests of this machine share its loopback.
	text := strings.NewReplacer("127.0.0.1:8080", "SERVER", "127.0.0.1:8081", "ADMIN").Replace(string(config))
	r := newRig(t, text)
	if err := os.Symlink(programs, filepath.Join(r.dir, "bin")); err != nil {
		t.Fatal(err)
	}
	r.start()
	run := func(command string) string {
		sh := exec.Command("sh", "-c", command)
		sh.Dir = r.dir
		out, err := sh.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", command, err, out)
		}
		return string(out)
	}
	run(commands[0][1])
	r.until("mail", func() bool {
		mails, err := filepath.Glob(filepath.Join(r.dir, "data/mail/new/*"))
		return err == nil && len(mails) == 1
	})
	mail := strings.ReplaceAll(run(commands[1][1]), "\r\n", "\n")
	if !strings.HasSuffix(mail, "\n\nAverage: 99.506109\nUnbiased Variance: 243.961858\n") {
		t.Errorf("the mail's body is not the one of the README's reader:\n%s", mail)
	}
}

// TestReadmeRule validates the rule that the README shows.
func TestReadmeRule(t *testing.T) {
	readme, err := os.ReadFile(root + "/README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```hcl\n(.*?)```").FindAllStringSubmatch(string(readme), -1)
	if len(blocks) == 0 {
		t.Fatal("the README shows no rule")
	}
	for _, block := range blocks {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "readme.hcl"), []byte(block[1]), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(programs, filepath.Join(dir, "bin")); err != nil {
			t.Fatal(err)
		}
		validate := exec.Command(filepath.Join(programs, "pointsman"), "validate", "readme.hcl")
		validate.Dir = dir
		validate.Env = append(os.Environ(), "INTDASH_SECRET=only-for-this-test-0123456789012")
		if out, err := validate.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	}
}

package mirror

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/pointsman/pointsman/plugins/s3-mirror/s3test"
	"github.com/pointsman/pointsman/plugins/sdk/testenv"
)

// BenchmarkCopy copies between real servers, with the mirror and with rclone.
func BenchmarkCopy(b *testing.B) {
	testenv.Need(b, testenv.Rclone)
	from, to := s3test.MinIO(b, nil), s3test.VersityGW(b, s3test.VersityOptions{})
	for _, load := range []struct {
		name          string
		objects, size int
	}{{"1x1GiB", 1, 1 << 30}, {"8x128MiB", 8, 128 << 20}, {"2000x16KiB", 2000, 16 << 10}} {
		b.Run(load.name, func(b *testing.B) {
			keys := seed(b, from, load.name, load.objects, load.size)
			for _, c := range []struct {
				name string
				copy func(b *testing.B, bucket string)
			}{
				{"mirror", func(b *testing.B, bucket string) { copyByMirror(b, from, to, load.name, bucket, keys) }},
				{"rclone", func(b *testing.B, bucket string) { copyByRclone(b, from, to, load.name, bucket) }},
			} {
				b.Run(c.name, func(b *testing.B) {
					b.SetBytes(int64(load.objects) * int64(load.size))
					var own, servers time.Duration
					for i := range b.N {
						b.StopTimer()
						bucket := strings.ToLower(fmt.Sprintf("%s-%s-%d-%d", load.name, c.name, b.N, i))
						createBucket(b, to, bucket)
						ownBefore, serversBefore := ownCPU(), serverCPU(b, from, to)
						b.StartTimer()
						c.copy(b, bucket)
						b.StopTimer()
						own, servers = own+ownCPU()-ownBefore, servers+serverCPU(b, from, to)-serversBefore
						empty(b, to, bucket)
						b.StartTimer()
					}
					b.ReportMetric(own.Seconds()/float64(b.N), "cpu-s/op")
					b.ReportMetric(servers.Seconds()/float64(b.N), "servers-cpu-s/op")
				})
			}
		})
	}
}

// ownCPU returns the CPU time of this process and its children, which is more stable than wall time on a busy machine.
func ownCPU() (used time.Duration) {
	for _, who := range []int{unix.RUSAGE_SELF, unix.RUSAGE_CHILDREN} {
		var u unix.Rusage
		_ = unix.Getrusage(who, &u)
		used += time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	return used
}

func serverCPU(b *testing.B, servers ...*s3test.Server) (used time.Duration) {
	for _, s := range servers {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.PID()))
		if err != nil {
			b.Fatal(err)
		}
		fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+2:]))
		for _, f := range fields[11:13] { // user and system, in ticks of 10 ms
			ticks, err := strconv.Atoi(f)
			if err != nil {
				b.Fatal(err)
			}
			used += time.Duration(ticks) * 10 * time.Millisecond
		}
	}
	return used
}

func seed(b *testing.B, s *s3test.Server, name string, objects, size int) []string {
	bucket := strings.ToLower(name)
	createBucket(b, s, bucket)
	keys := make([]string, objects)
	body := random(size)
	for i := range keys {
		keys[i] = fmt.Sprintf("folder%d/object%d", i%10, i)
		if _, err := s.Client().PutObject(b.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &keys[i], Body: bytes.NewReader(body)}); err != nil {
			b.Fatal(err)
		}
	}
	return keys
}

func empty(b *testing.B, s *s3test.Server, bucket string) {
	pages := s3.NewListObjectsV2Paginator(s.Client(), &s3.ListObjectsV2Input{Bucket: &bucket})
	for pages.HasMorePages() {
		page, err := pages.NextPage(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		for _, o := range page.Contents {
			if _, err := s.Client().DeleteObject(b.Context(), &s3.DeleteObjectInput{Bucket: &bucket, Key: o.Key}); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// copyByMirror converges with as many goroutines as a plugin has deliveries in flight.
func copyByMirror(b *testing.B, from, to *s3test.Server, source, destination string, keys []string) {
	m := newMirror(b, Config{Source: sideOf(from, strings.ToLower(source)), Destination: Destination{Side: sideOf(to, destination)}})
	var group errgroup.Group
	group.SetLimit(64)
	for _, key := range keys {
		group.Go(func() error {
			_, err := m.Converge(b.Context(), key, Hint{})
			return err
		})
	}
	if err := group.Wait(); err != nil {
		b.Fatal(err)
	}
}

func copyByRclone(b *testing.B, from, to *s3test.Server, source, destination string) {
	cmd := exec.CommandContext(b.Context(), "rclone", "copy", "--transfers", "8", "from:"+strings.ToLower(source), "to:"+destination)
	cmd.Env = append(os.Environ(), append(remote("FROM", from), remote("TO", to)...)...)
	cmd.Env = slices.DeleteFunc(cmd.Env, func(v string) bool { return strings.HasPrefix(v, "AWS_CA_BUNDLE=") }) // rclone 1.60 fails with it
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
}

func remote(name string, s *s3test.Server) []string {
	prefix := "RCLONE_CONFIG_" + name + "_"
	return []string{
		prefix + "TYPE=s3", prefix + "PROVIDER=Other", prefix + "ENDPOINT=" + s.Endpoint, prefix + "REGION=" + s.Region,
		prefix + "ACCESS_KEY_ID=" + s.AccessKey, prefix + "SECRET_ACCESS_KEY=" + s.SecretKey,
	}
}

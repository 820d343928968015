package e2esns

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/pointsman/pointsman/core/source/snsmessage"
)

// hostileURLs returns forged certificate URLs. at is a listener that counts connections, trusted the host that the router trusts.
func hostileURLs(at, trusted string) []string {
	_, port, _ := net.SplitHostPort(at) // at is a listener's
	const (
		amazon = "sns.ap-northeast-1.amazonaws.com"
		file   = "/SimpleNotificationService-0123456789abcdef0123456789abcdef.pem"
	)
	return []string{
		"http://" + at + file, "https://" + at + file, "HTTP://" + at + file, "//" + at + file, "http://" + at, at + file,
		" http://" + at + file, "http://" + at + file + "\n", "http://" + at + "/\r\nHost: " + trusted + file,
		"ftp://" + at + file, "gopher://" + at + file, "unix://" + at + file, "file:///etc/ssl" + file, "data:application/x-pem-file,x.pem",
		"javascript:fetch('http://" + at + "')//.pem",
		// Amazon or the trusted host in a part of the URL that is not the host.
		"https://" + amazon + "@" + at + file, "https://" + amazon + ":443@" + at + file, "http://" + trusted + "@" + at + file,
		"https://" + at + "#@" + amazon + file, "https://" + at + "?@" + amazon + file, "https://" + at + `\@` + amazon + file,
		"https://" + at + "/" + amazon + file, "https://" + amazon + "%2f@" + at + file, "http://" + trusted + "%40" + at + file,
		"https://" + amazon + ".localhost:" + port + file, "https://sns.localhost:" + port + file, "https://" + amazon + ".nip.io:" + port + file,
		"https://" + amazon + ":" + port + file, "https://u:p@" + amazon + file, "http://" + amazon + file,
		"https://sns.us-east-1.amazonaws.com" + file, "https://" + amazon + ".cn" + file, "https://" + amazon + "/../" + at + file,
		"https://" + amazon + "/redirect?to=http://" + at + file,
		// This machine under other names.
		"https://localhost:" + port + file, "https://127.1:" + port + file, "https://2130706433:" + port + file, "https://0x7f.0.0.1:" + port + file,
		"https://[::ffff:127.0.0.1]:" + port + file, "https://0:" + port + file, "https://127。0。0。1:" + port + file,
		// The trusted host with parts that are not allowed.
		"http://u:p@" + trusted + file, "http://" + trusted + file + "?x", "http://" + trusted + file + "#x", "http://" + trusted + "/x.crt",
	}
}

// hostile posts messages with a valid signature and the certificate at another host: SNS does not sign the URL of the certificate.
func (s *site) hostile(ctx context.Context, v *verdict) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	var connections atomic.Int64
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return // closed below
			}
			connections.Add(1)
			_ = conn.Close()
		}
	}()
	for _, place := range hostileURLs(listener.Addr().String(), s.at) {
		status, err := s.postFrom(ctx, place)
		if err != nil {
			return errors.Join(err, listener.Close())
		}
		v.hostile++
		if status != http.StatusForbidden {
			v.believed = append(v.believed, fmt.Sprintf("%q (status %d)", place, status))
		}
	}
	v.connections = int(connections.Load())
	m, err := s.router.Metrics(ctx)
	v.counted = int(m.Sum("pointsman_source_auth_failures_total", "reason", "cert_url"))
	return errors.Join(err, listener.Close())
}

// postFrom posts a valid message that names place as the URL of its certificate.
func (s *site) postFrom(ctx context.Context, place string) (status int, err error) {
	body, err := s.topic.Body(time.Now(), "2", snsmessage.Message{Message: "hostile"})
	if err != nil {
		return 0, err
	}
	var members map[string]string
	if err := json.Unmarshal(body, &members); err != nil {
		return 0, err
	}
	members["SigningCertURL"] = place
	if body, err = json.Marshal(members); err != nil {
		return 0, err
	}
	return s.post(ctx, body)
}

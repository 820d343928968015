package s3

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/pointsman/pointsman/core/source/snsmessage"
	"github.com/pointsman/pointsman/plugins/sdk/schema"
)

// BenchmarkVerifyAndDecode is what one notification of MinIO costs before it is stored.
func BenchmarkVerifyAndDecode(b *testing.B) {
	body := []byte(recorded(b, "minio-put"))
	p, _, err := newProtocol(&Settings{Path: "/hooks/uploads", Dialect: dialectAuto, Tokens: []schema.Secret{schema.NewSecret(tokenNew), schema.NewSecret(tokenOld)}}, snsmessage.Options{})
	if err != nil {
		b.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "/hooks/uploads", nil)
	r.Header.Set("Authorization", "Bearer "+tokenOld)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Verify(r, body); err != nil {
			b.Fatal(err)
		}
		if reply, err := p.Handshake(r, body); reply != nil || err != nil {
			b.Fatal(reply, err)
		}
		if events, err := p.Decode(r.Header, body, testTime); err != nil || len(events) != 1 {
			b.Fatal(len(events), err)
		}
	}
}

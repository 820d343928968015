package admin

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

const (
	defaultPage = 100
	maxPage     = 1000
)

// page is the part of a list that a request asks for.
type page struct {
	list listID
	size int
	// after is the position of the last record of the previous page, empty for the first page.
	after string
}

// listID identifies a list by the digest of its request without the page. A page token depends on it, because a position makes no
// sense in another list.
type listID [8]byte

// pageRequest is a request for a page of a list.
type pageRequest interface {
	proto.Message
	GetPageSize() int32
	GetPageToken() string
}

// pageOf checks the page of a request.
func pageOf(req pageRequest) (page, error) {
	p := page{list: listOf(req), size: int(req.GetPageSize())}
	switch {
	case p.size == 0:
		p.size = defaultPage
	case p.size < 0 || p.size > maxPage:
		return p, invalid("page_size is %d: it must be from 1 to %d, or 0 for %d", p.size, maxPage, defaultPage)
	}
	if token := req.GetPageToken(); token != "" {
		after, ok := p.list.position(token)
		if !ok {
			return p, invalid("page_token belongs to another list: begin without one")
		}
		p.after = after
	}
	return p, nil
}

func listOf(req proto.Message) listID {
	m := proto.Clone(req).ProtoReflect()
	fields := m.Descriptor().Fields()
	for _, name := range []protoreflect.Name{"page_size", "page_token"} {
		m.Clear(fields.ByName(name))
	}
	text, err := proto.MarshalOptions{Deterministic: true}.Marshal(m.Interface())
	if err != nil {
		return listID{} // a request that was decoded can be encoded
	}
	sum := sha256.Sum256(append([]byte(m.Descriptor().FullName()+"\x00"), text...))
	return listID(sum[:])
}

// token returns the token of the page that begins after position. It begins with a digest of both, so that a token that was cut or
// changed is none.
func (l listID) token(position string) string {
	sum := sha256.Sum256(append(l[:], position...))
	return base64.RawURLEncoding.EncodeToString(append(sum[:len(l)], position...))
}

// position returns the position in a token of this list. It takes only what token returns.
func (l listID) position(token string) (string, bool) {
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(b) <= len(l) {
		return "", false
	}
	position := string(b[len(l):])
	return position, l.token(position) == token
}

// before is the position in a list by descending numbers: the page has smaller numbers only. It is 0 for the first page.
func (p page) before() (int64, error) {
	if p.after == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(p.after, 10, 64)
	if err != nil || n <= 0 {
		return 0, invalid("page_token belongs to another list: begin without one")
	}
	return n, nil
}

// tokenBefore returns the token of the page with numbers smaller than seq; empty, the end of the list, for 0.
func (p page) tokenBefore(seq int64) string {
	if seq == 0 {
		return ""
	}
	return p.list.token(strconv.FormatInt(seq, 10))
}

// cut takes the page out of a whole list, which is sorted by key, and returns the token of the next one.
func cut[T any](p page, all []T, key func(T) string) ([]T, string) {
	start, _ := slices.BinarySearchFunc(all, p.after, func(item T, after string) int {
		if strings.Compare(key(item), after) <= 0 && after != "" {
			return -1
		}
		return 1
	})
	all = all[start:]
	if len(all) <= p.size {
		return all, ""
	}
	return all[:p.size], p.list.token(key(all[p.size-1]))
}

package apigateway

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pointsman/pointsman/core/source"
	"github.com/pointsman/pointsman/plugins/sdk/amazon/amazontest"
)

func TestRoomsAreListed(t *testing.T) {
	f := newFixture(t, nil)
	f.join("b", "stale=")
	f.pass(2*time.Hour + 11*time.Minute) // no connection of API Gateway lasts that long
	first := f.clock()
	f.join("b", "z=")
	f.pass(time.Minute)
	f.join("b", "a=")
	f.join("a", "c=")
	rooms, err := f.List(t.Context())
	if diff := cmp.Diff([]source.RoomInfo{{Name: "a", Members: 1}, {Name: "b", Members: 2}}, rooms); diff != "" || err != nil {
		t.Errorf("%v, -want +got:\n%s", err, diff)
	}
	members, err := f.Members(t.Context(), "b")
	want := []source.RoomMember{{ConnectionID: "z=", Connected: first}, {ConnectionID: "a=", Connected: first.Add(time.Minute)}}
	if diff := cmp.Diff(want, members); diff != "" || err != nil {
		t.Errorf("%v, -want +got:\n%s", err, diff)
	}
}

func TestCloseByOperator(t *testing.T) {
	f := newFixture(t, nil)
	f.join("chat:3", "a=", "b=", "gone=")
	f.join("chat:4", "c=")
	f.gateway.Vanish("gone=")
	f.pass(time.Minute)
	if closed, err := f.Close(t.Context(), "chat:3", "", 0, ""); closed != 2 || err != nil {
		t.Errorf("closed %d, %v", closed, err)
	}
	got := f.gateway.Disconnected()
	slices.Sort(got)
	if !slices.Equal(got, []string{"a=", "b="}) {
		t.Errorf("disconnected %q", got)
	}
	if f.listed("gone=") != "" || f.memory.last().GetId() != "gone=-disconnect" {
		t.Errorf("the one that was gone is still listed, events %q", f.memory.types())
	}
	if closed, err := f.Close(t.Context(), "", "c=", source.CloseNormal, ""); closed != 1 || err != nil {
		t.Errorf("closed %d, %v", closed, err)
	}
	for _, id := range []string{"c=", "nobody="} {
		if closed, err := f.Close(t.Context(), "", id, 0, ""); closed != 0 || !errors.Is(err, source.ErrGone) {
			t.Errorf("%s: closed %d, %v", id, closed, err)
		}
	}
	for _, bad := range []struct {
		code   int
		reason string
	}{{4000, ""}, {0, "go away"}, {1006, ""}} {
		if _, err := f.Close(t.Context(), "chat:3", "", bad.code, bad.reason); !errors.Is(err, source.ErrInvalidClose) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

// What API Gateway refuses is an error, with what to do.
func TestCloseIsRefused(t *testing.T) {
	f := newFixture(t, nil)
	f.join("chat:3", "a=", "b=")
	f.gateway.Fail("a=", amazontest.Fault{Status: http.StatusForbidden, Code: "ForbiddenException", Message: "Forbidden"})
	closed, err := f.Close(t.Context(), "chat:3", "", 0, "")
	if err == nil || closed != 1 || !strings.Contains(err.Error(), "the credentials need execute-api:ManageConnections") {
		t.Errorf("closed %d, %v", closed, err)
	}
}

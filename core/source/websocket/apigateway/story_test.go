package apigateway

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"

	"github.com/pointsman/pointsman/plugins/sdk/amazon/amazontest"
	"github.com/pointsman/pointsman/plugins/sdk/testenv"
)

// nodeModules returns the folder of the packages that `make servers` installs.
func nodeModules(t *testing.T) string {
	t.Helper()
	testenv.Need(t, testenv.Node)
	modules, err := testenv.Cached("node/node_modules")
	if err != nil {
		t.Fatal(err)
	}
	return modules
}

// serve runs a server until the test ends, and returns when it answers at address.
func serve(t *testing.T, cmd *exec.Cmd, address string) {
	t.Helper()
	var output strings.Builder
	log := &locked{w: &output}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // its output tells more
		close(ended)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
		if t.Failed() {
			t.Logf("output of %s: %s", cmd, output.String())
		}
	})
	until(t, cmd.String()+" at "+address, func() bool {
		select {
		case <-ended:
			t.Fatalf("%s has ended: %s", cmd, output.String())
		default:
		}
		conn, err := net.Dial("tcp", address)
		if err != nil {
			return false
		}
		_ = conn.Close()
		return true
	})
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// dynalite starts a DynamoDB and returns its address.
func dynalite(t *testing.T) string {
	modules, port := nodeModules(t), freePort(t)
	address := "127.0.0.1:" + port
	serve(t, exec.CommandContext(t.Context(), "node", filepath.Join(modules, ".bin", "dynalite"),
		"--host", "127.0.0.1", "--port", port, "--createTableMs", "1", "--updateTableMs", "1"), address)
	return "http://" + address
}

// onTable is a source block whose list is the table of that name.
func onTable(t *testing.T, endpoint, dynamo, name string, changes map[string]any) []byte {
	return settingsOf(t, endpoint, changes, map[string]any{"file": nil, "table": name, "dynamodb_endpoint": dynamo})
}

// create makes a table as examples/apigateway does. index "" leaves the index out.
func create(t *testing.T, s *Source, hash, index, indexed string) {
	t.Helper()
	out, err := s.backend()
	if err != nil {
		t.Fatal(err)
	}
	list, ok := out.store.(*table)
	if !ok {
		t.Fatalf("list %T", out.store)
	}
	in := &dynamodb.CreateTableInput{
		TableName: &list.Name, BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: &hash, AttributeType: types.ScalarAttributeTypeS}},
		KeySchema:            []types.KeySchemaElement{{AttributeName: &hash, KeyType: types.KeyTypeHash}},
	}
	if index != "" {
		in.AttributeDefinitions = append(in.AttributeDefinitions, types.AttributeDefinition{AttributeName: &indexed, AttributeType: types.ScalarAttributeTypeS})
		in.GlobalSecondaryIndexes = []types.GlobalSecondaryIndex{{
			IndexName: &index, KeySchema: []types.KeySchemaElement{{AttributeName: &indexed, KeyType: types.KeyTypeHash}},
			Projection: &types.Projection{ProjectionType: types.ProjectionTypeAll},
		}}
	}
	if _, err := list.CreateTable(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	until(t, "table", func() bool {
		d, err := list.DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: &list.Name})
		return err == nil && d.Table.TableStatus == types.TableStatusActive && !slices.ContainsFunc(d.Table.GlobalSecondaryIndexes, func(i types.GlobalSecondaryIndexDescription) bool {
			return i.IndexStatus != types.IndexStatusActive
		})
	})
}

// The table in DynamoDB, and the errors of one that cannot be used.
func TestTable(t *testing.T) {
	dynamo, g := dynalite(t), amazontest.NewGateway(t)
	for name, c := range map[string]struct{ hash, index, indexed, want string }{
		"missing":       {"", "", "", `no table "missing"`},
		"without-index": {"connectionId", "", "", `no global secondary index "room-index"`},
		"other-index":   {"connectionId", "room-index", "rooms", "must have the hash key room"},
		"other-key":     {"id", "room-index", "room", "must have the hash key connectionId"},
	} {
		f := prepare(t, g, onTable(t, g.Endpoint, dynamo, name, nil))
		if c.hash != "" {
			create(t, f.Source, c.hash, c.index, c.indexed)
		}
		if err := f.Run(t.Context()); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), `source "chat"`) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	f := prepare(t, g, onTable(t, g.Endpoint, dynamo, "connections", nil))
	create(t, f.Source, "connectionId", "room-index", "room")
	out, err := f.backend()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = out.api.Close() }()
	if err := out.store.check(t.Context()); err != nil {
		t.Error(err)
	}
	conforms(t, out.store)
	list, ok := out.store.(*table)
	if !ok {
		t.Fatalf("list %T", out.store)
	}
	list.PageSize = new(int32(7))
	const many = 50
	for i := range many {
		if err := out.store.add(t.Context(), row{connection: fmt.Sprintf("m%d=", i), room: "many", connected: time.Unix(1, 0), expires: time.Unix(2, 0)}); err != nil {
			t.Fatal(err)
		}
	}
	if got := len(listing(t, out.store, "many")); got != many {
		t.Errorf("%d members", got)
	}
	var swept int
	if err := list.expired(t.Context(), time.Unix(3, 0), func(r row) error {
		swept++
		return list.remove(t.Context(), r.connection)
	}); err != nil || swept != many {
		t.Errorf("%d swept, %v", swept, err)
	}
}

// Without its table the source refuses all requests and logs why.
func TestUnreachable(t *testing.T) {
	g := amazontest.NewGateway(t)
	f := prepare(t, g, onTable(t, g.Endpoint, "http://127.0.0.1:1", "connections", nil))
	f.run()
	until(t, "it is logged", func() bool { return strings.Contains(f.logged(), "connection table unavailable") })
	if got := f.post("", connectHeaders("a=", "chat:3")); got != 503 {
		t.Errorf("%d", got)
	}
}

// client is a WebSocket client of the API.
type client struct {
	t    *testing.T
	conn net.Conn
	mu   sync.Mutex
	got  []string
	done chan struct{}
}

func dial(t *testing.T, address, room string) (*client, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	conn, early, _, err := ws.Dial(ctx, "ws://"+address+"/?room="+room)
	if err != nil {
		return nil, err
	}
	c := &client{t: t, conn: conn, done: make(chan struct{})}
	var from io.Reader = conn
	if early != nil {
		from = io.MultiReader(early, conn)
	}
	go func() {
		defer close(c.done)
		for {
			text, _, err := wsutil.ReadServerData(struct {
				io.Reader
				io.Writer
			}{from, conn})
			if err != nil {
				return
			}
			c.mu.Lock()
			c.got = append(c.got, string(text))
			c.mu.Unlock()
		}
	}()
	t.Cleanup(c.leave)
	return c, nil
}

func (c *client) leave() {
	_ = ws.WriteFrame(c.conn, ws.MaskFrame(ws.NewCloseFrame(ws.NewCloseFrameBody(1000, ""))))
	_ = c.conn.Close()
	<-c.done
}

func (c *client) say(text string) {
	c.t.Helper()
	if err := wsutil.WriteClientText(c.conn, []byte(text)); err != nil {
		c.t.Fatal(err)
	}
}

func (c *client) received() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.got)
}

// The story of a room: connect, publish, broadcast, disconnect, a connection that is gone, and one without a $disconnect;
// against servers that others wrote.
func TestStory(t *testing.T) {
	modules, dynamo := nodeModules(t), dynalite(t)
	port := freePort(t)
	address := "127.0.0.1:" + port
	f := prepare(t, amazontest.NewGateway(t), onTable(t, "http://"+address, dynamo, "connections", map[string]any{"binary": true}))
	create(t, f.Source, "connectionId", "room-index", "room")
	f.time = time.Now()
	f.run()
	router := httptest.NewServer(f)
	t.Cleanup(router.Close)

	lose := filepath.Join(t.TempDir(), "lose-disconnects")
	api := exec.CommandContext(t.Context(), "node", filepath.Join(modules, ".bin", "serverless"), "offline", "start")
	api.Dir = filepath.Join("testdata", "gateway")
	api.Env = append(os.Environ(), "HTTP_PORT="+freePort(t), "WEBSOCKET_PORT="+port, "LAMBDA_PORT="+freePort(t), "HOME="+t.TempDir(), "CI=1",
		"SLS_TELEMETRY_DISABLED=1", "SLS_NOTIFICATIONS_MODE=off", "POINTSMAN_SECRET="+secretText, "POINTSMAN_URL="+router.URL+"/chat", "LOSE_DISCONNECTS="+lose)
	serve(t, api, address)

	events := func(want ...string) {
		t.Helper()
		until(t, strings.Join(want, ", "), func() bool { return len(f.memory.types()) >= len(want) })
		for i, got := range f.memory.types() {
			if kind, _, _ := strings.Cut(got, " "); i >= len(want) || kind != want[i] {
				t.Fatalf("events %q, want %q", f.memory.types(), want)
			}
		}
	}
	enter := func(room string) (*client, string) {
		t.Helper()
		c, err := dial(t, address, room)
		if err != nil {
			t.Fatal(err)
		}
		return c, f.memory.last().GetWebsocket().GetConnectionId()
	}
	// Connect.
	if _, err := dial(t, address, ""); err == nil || !strings.Contains(err.Error(), "400") {
		t.Errorf("without a room: %v", err)
	}
	a, idA := enter("chat:3")
	b, idB := enter("chat:3")
	events("connect", "connect")
	if idA == "" || idA == idB || f.listed(idA) != "chat:3" {
		t.Errorf("connections %q, %q in %q", idA, idB, f.listed(idA))
	}
	// Publish, and broadcast.
	a.say(`{"room":"chat:3","data":"some message."}`)
	events("connect", "connect", "message")
	if e := f.memory.last(); e.GetWebsocket().GetRouteKey() != "$default" || e.GetWebsocket().GetConnectionId() != idA || e.GetWebsocket().GetSourceIp() == "" || e.GetSubject() != "chat:3" {
		t.Errorf("event %v", e)
	}
	f.Broadcast("chat:3", []byte(`{"data":"some message.","received":1}`), false, idA)
	until(t, "b receives it", func() bool { return slices.Equal(b.received(), []string{`{"data":"some message.","received":1}`}) })
	if got := a.received(); len(got) != 0 {
		t.Errorf("the sender received %q", got)
	}
	a.say(`{"action":"shout","data":1}`)
	events("connect", "connect", "message", "message")
	if e := f.memory.last(); e.GetWebsocket().GetRouteKey() != "shout" {
		t.Errorf("event %v", e)
	}
	if err := wsutil.WriteClientBinary(a.conn, []byte("\x00\xff")); err != nil {
		t.Fatal(err)
	}
	events("connect", "connect", "message", "message", "message")
	if e := f.memory.last(); string(e.GetBody()) != "\x00\xff" {
		t.Errorf("event %v", e)
	}
	a.say(`{"room":"chat:4"}`) // it is not in there
	until(t, "a gets an error", func() bool { return len(a.received()) == 1 && strings.Contains(a.received()[0], `"code":"forbidden"`) })
	// Disconnect.
	a.leave()
	events("connect", "connect", "message", "message", "message", "disconnect")
	until(t, "a is off the list", func() bool { return f.listed(idA) == "" })
	// Gone: there was no $disconnect, so a post is answered 410.
	if err := os.WriteFile(lose, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, idC := enter("chat:3")
	b.leave()
	f.pass(time.Minute)
	until(t, "b is off the list", func() bool { // the API may not know yet that it has gone
		f.Broadcast("chat:3", []byte("anybody?"), false, idC)
		return f.listed(idB) == ""
	})
	events("connect", "connect", "message", "message", "message", "disconnect", "connect", "disconnect")
	// Swept: it is older than the API allows.
	f.pass(3 * time.Hour)
	out, err := f.backend()
	if err != nil {
		t.Fatal(err)
	}
	f.sweep(t.Context(), out.store)
	events("connect", "connect", "message", "message", "message", "disconnect", "connect", "disconnect", "disconnect")
	if e := f.memory.last(); e.GetWebsocket().GetConnectionId() != idC || e.GetWebsocket().GetCloseCode() != codeAbnormal || f.listed(idC) != "" {
		t.Errorf("event %v", e)
	}
}

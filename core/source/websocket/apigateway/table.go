package apigateway

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/pointsman/pointsman/core/source/websocket"
	"github.com/pointsman/pointsman/plugins/sdk/amazon"
	"github.com/pointsman/pointsman/plugins/sdk/amazon/gateway"
)

// expiresAttribute is when the connection expires, in Unix seconds as DynamoDB's TTL requires.
const expiresAttribute = "expires_at"

// table is a DynamoDB table, which several routers may share.
type table struct {
	*gateway.Table
	known known
}

func newTable(api *gateway.Client, settings *websocket.APIGateway) *table {
	return &table{Table: api.Table(settings.Settings, func(o *dynamodb.Options) {
		o.Retryer = retry.NewStandard() // not the retryer of the API client, which does not retry
	})}
}

// check implements store.
func (t *table) check(ctx context.Context) error {
	const hint = "create it as examples/apigateway does, or correct table, index and region"
	out, err := t.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &t.Name})
	if _, missing := errors.AsType[*types.ResourceNotFoundException](err); missing {
		return &unusable{fmt.Sprintf("DynamoDB has no table %q: %s", t.Name, hint)}
	}
	if err != nil {
		return amazon.Explain(ctx, "describe the table of connections", err, gateway.Hint)
	}
	if !hashedBy(out.Table.KeySchema, gateway.ConnectionAttribute) {
		return &unusable{fmt.Sprintf("table %q must have the hash key %s and no other key: %s", t.Name, gateway.ConnectionAttribute, hint)}
	}
	i := slices.IndexFunc(out.Table.GlobalSecondaryIndexes, func(d types.GlobalSecondaryIndexDescription) bool {
		return aws.ToString(d.IndexName) == t.Index
	})
	switch {
	case i < 0:
		return &unusable{fmt.Sprintf("table %q has no global secondary index %q: %s", t.Name, t.Index, hint)}
	case !hashedBy(out.Table.GlobalSecondaryIndexes[i].KeySchema, gateway.RoomAttribute):
		return &unusable{fmt.Sprintf("index %q of table %q must have the hash key %s: %s", t.Index, t.Name, gateway.RoomAttribute, hint)}
	}
	return nil
}

func hashedBy(keys []types.KeySchemaElement, attribute string) bool {
	return len(keys) > 0 && keys[0].KeyType == types.KeyTypeHash && aws.ToString(keys[0].AttributeName) == attribute &&
		(attribute == gateway.RoomAttribute || len(keys) == 1)
}

// add implements store.
func (t *table) add(ctx context.Context, r row) error {
	_, err := t.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &t.Name,
		Item: gateway.Row{
			gateway.ConnectionAttribute: gateway.Text(r.connection), gateway.RoomAttribute: gateway.Text(r.room),
			gateway.ConnectedAttribute: seconds(r.connected), expiresAttribute: seconds(r.expires),
		},
		ConditionExpression:       aws.String("attribute_not_exists(#connection) OR #room = :room"),
		ExpressionAttributeNames:  map[string]string{"#connection": gateway.ConnectionAttribute, "#room": gateway.RoomAttribute},
		ExpressionAttributeValues: gateway.Row{":room": gateway.Text(r.room)},
	})
	if _, taken := errors.AsType[*types.ConditionalCheckFailedException](err); taken {
		return errTaken
	}
	if err != nil {
		return amazon.Explain(ctx, "add a connection", err, gateway.Hint)
	}
	t.known.set(r.connection, r)
	return nil
}

// find implements store.
func (t *table) find(ctx context.Context, connection string) (row, error) {
	if r, known := t.known.get(connection); known {
		return r, nil
	}
	ctx, cancel := amazon.WithTimeout(ctx)
	defer cancel()
	out, err := t.GetItem(ctx, &dynamodb.GetItemInput{TableName: &t.Name, Key: gateway.Key(connection), ConsistentRead: aws.Bool(true)})
	if err != nil {
		return row{}, amazon.Explain(ctx, "look up a connection", err, gateway.Hint)
	}
	r := rowOf(out.Item)
	if r.room != "" {
		t.known.learn(r)
	}
	return r, nil
}

// remove implements store.
func (t *table) remove(ctx context.Context, connection string) error {
	t.known.set(connection, row{}) // first, so that a concurrent find does not cache the row
	if _, err := t.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: &t.Name, Key: gateway.Key(connection)}); err != nil {
		return amazon.Explain(ctx, "remove a connection", err, gateway.Hint)
	}
	return nil
}

// members implements store.
func (t *table) members(ctx context.Context, room string, each func(row)) error {
	for item, err := range t.Members(ctx, room) {
		if err != nil {
			return err
		}
		each(rowOf(item))
	}
	return nil
}

// all implements store.
func (t *table) all(ctx context.Context, each func(row)) error {
	return t.scan(ctx, &dynamodb.ScanInput{}, func(r row) error {
		each(r)
		return nil
	})
}

// expired implements store.
func (t *table) expired(ctx context.Context, now time.Time, each func(row) error) error {
	return t.scan(ctx, &dynamodb.ScanInput{
		FilterExpression:          aws.String("#expires < :now"),
		ExpressionAttributeNames:  map[string]string{"#expires": expiresAttribute},
		ExpressionAttributeValues: gateway.Row{":now": seconds(now)},
	}, each)
}

// scan calls each for the rows that in selects, until it returns an error.
func (t *table) scan(ctx context.Context, in *dynamodb.ScanInput, each func(row) error) error {
	in.TableName, in.Limit = &t.Name, t.PageSize
	pages := dynamodb.NewScanPaginator(t, in)
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return amazon.Explain(ctx, "scan the table of connections", err, gateway.Hint)
		}
		for _, item := range page.Items {
			if err := each(rowOf(item)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *table) close() error { return nil }

func seconds(t time.Time) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(t.Unix(), 10)}
}

// rowOf reads a row. Missing attributes, perhaps of another writer, stay empty.
func rowOf(item gateway.Row) row {
	at := func(name string) time.Time {
		n, _ := item[name].(*types.AttributeValueMemberN)
		if n == nil {
			return time.Time{}
		}
		s, err := strconv.ParseInt(n.Value, 10, 64)
		if err != nil {
			return time.Time{}
		}
		return time.Unix(s, 0)
	}
	return row{connection: item.String(gateway.ConnectionAttribute), room: item.String(gateway.RoomAttribute), connected: at(gateway.ConnectedAttribute), expires: at(expiresAttribute)}
}

// known caches rows, so that a message needs no call. A row never changes, and a removed one never comes back.
type known struct {
	mu   sync.Mutex
	rows map[string]row // a row without a room is removed
}

// maxKnown limits the size of the cache; when it is full it is cleared, which only costs calls.
const maxKnown = 1 << 16

func (k *known) get(connection string) (r row, known bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	r, known = k.rows[connection]
	return r, known
}

// set records a write.
func (k *known) set(connection string, r row) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.put(connection, r)
}

// learn records a read, which may be older than what is cached.
func (k *known) learn(r row) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, known := k.rows[r.connection]; !known {
		k.put(r.connection, r)
	}
}

func (k *known) put(connection string, r row) {
	if k.rows == nil || len(k.rows) >= maxKnown {
		k.rows = map[string]row{}
	}
	k.rows[connection] = r
}

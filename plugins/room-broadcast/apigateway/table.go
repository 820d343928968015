package apigateway

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/pointsman/pointsman/plugins/sdk/amazon"
	"github.com/pointsman/pointsman/plugins/sdk/amazon/gateway"
)

// Attributes of the table's rows. The router behind the same API Gateway writes connected_at, in Unix seconds; it is optional in a
// table that another program fills.
const (
	connectionAttribute = "connectionId"
	roomAttribute       = "room"
	connectedAttribute  = "connected_at"
)

// table lists the connections of each room. Its index lags behind: a connection that has just left may still be in it.
type table struct {
	client      *dynamodb.Client
	name, index string
}

// each calls yield for every connection in a room, page by page, until it returns false.
func (t *table) each(ctx context.Context, room string, yield func(connection string) bool) error {
	pages := dynamodb.NewQueryPaginator(t.client, &dynamodb.QueryInput{
		TableName: &t.name, IndexName: &t.index,
		KeyConditionExpression:    aws.String("#room = :room"),
		ProjectionExpression:      aws.String("#connection"),
		ExpressionAttributeNames:  map[string]string{"#room": roomAttribute, "#connection": connectionAttribute},
		ExpressionAttributeValues: map[string]types.AttributeValue{":room": &types.AttributeValueMemberS{Value: room}},
	})
	for pages.HasMorePages() {
		page, err := t.page(ctx, pages)
		if err != nil {
			return err
		}
		for _, row := range page.Items {
			id, ok := row[connectionAttribute].(*types.AttributeValueMemberS)
			if ok && id.Value != "" && !yield(id.Value) {
				return nil
			}
		}
	}
	return nil
}

func (t *table) page(ctx context.Context, pages *dynamodb.QueryPaginator) (*dynamodb.QueryOutput, error) {
	ctx, cancel := amazon.WithTimeout(ctx)
	defer cancel()
	page, err := pages.NextPage(ctx)
	if err != nil {
		return nil, explain(ctx, "query the room in DynamoDB", err)
	}
	return page, nil
}

// remove deletes a connection, unless it may still be opening.
func (t *table) remove(ctx context.Context, connection string) error {
	ctx, cancel := amazon.WithTimeout(ctx)
	defer cancel()
	_, err := t.client.DeleteItem(ctx, &dynamodb.DeleteItemInput{
		TableName: &t.name,
		Key:       map[string]types.AttributeValue{connectionAttribute: &types.AttributeValueMemberS{Value: connection}},

		ConditionExpression:       aws.String("attribute_not_exists(#connected) OR #connected < :young"),
		ExpressionAttributeNames:  map[string]string{"#connected": connectedAttribute},
		ExpressionAttributeValues: map[string]types.AttributeValue{":young": &types.AttributeValueMemberN{Value: strconv.FormatInt(time.Now().Add(-gateway.ConnectGrace).Unix(), 10)}},
	})
	if _, young := errors.AsType[*types.ConditionalCheckFailedException](err); young {
		return nil
	}
	if err != nil {
		return explain(ctx, "remove a connection from DynamoDB", err)
	}
	return nil
}

// hints say what to do about a permanent refusal, by its code.
var hints = map[string]string{
	"ResourceNotFoundException": "see that table and region are right",
	"ValidationException":       "see that the table has the index, and the index the hash key room",
	"AccessDeniedException":     "the credentials need dynamodb:Query for the index and dynamodb:DeleteItem for the table",
}

func explain(ctx context.Context, call string, err error) error {
	return amazon.Explain(ctx, call, err, func(e *amazon.Error) {
		if e.Permanent {
			e.Hint = hints[e.Code]
		}
	})
}

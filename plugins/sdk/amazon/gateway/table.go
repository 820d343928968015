package gateway

import (
	"context"
	"iter"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/pointsman/pointsman/plugins/sdk/amazon"
)

// Attributes of the table's rows. The source behind the API writes connected_at, in Unix seconds; it is optional in a table that
// another program fills.
const (
	ConnectionAttribute = "connectionId"
	RoomAttribute       = "room"
	ConnectedAttribute  = "connected_at"
)

// Row is a row of the table.
type Row map[string]types.AttributeValue

// String returns a text attribute, "" if the row has none of that name.
func (r Row) String(attribute string) string {
	if s, ok := r[attribute].(*types.AttributeValueMemberS); ok {
		return s.Value
	}
	return ""
}

// Table is the DynamoDB table of the connections.
type Table struct {
	*dynamodb.Client
	Name, Index string
	// PageSize is the number of rows in a response; nil: DynamoDB's own.
	PageSize *int32
}

// Table returns the table that the settings name. It shares the HTTP connections of c.
func (c *Client) Table(s Settings, options ...func(*dynamodb.Options)) *Table {
	if s.DynamoDBEndpoint != "" {
		options = append(options, func(o *dynamodb.Options) { o.BaseEndpoint = &s.DynamoDBEndpoint })
	}
	return &Table{Client: dynamodb.NewFromConfig(c.Config, options...), Name: s.Table, Index: s.Index}
}

// Key returns the primary key of a connection.
func Key(connection string) Row { return Row{ConnectionAttribute: Text(connection)} }

// Text returns the value of a text attribute.
func Text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

// Members yields the connections in a room, and ends after an error. The index lags behind the table: a connection that has just
// joined may be missing, and one that has just left may be there.
func (t *Table) Members(ctx context.Context, room string) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		pages := dynamodb.NewQueryPaginator(t, &dynamodb.QueryInput{
			TableName: &t.Name, IndexName: &t.Index, Limit: t.PageSize,
			KeyConditionExpression:    aws.String("#room = :room"),
			ExpressionAttributeNames:  map[string]string{"#room": RoomAttribute},
			ExpressionAttributeValues: Row{":room": Text(room)},
		})
		for pages.HasMorePages() {
			page, err := t.next(ctx, pages)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, row := range page.Items {
				if Row(row).String(ConnectionAttribute) != "" && !yield(row, nil) {
					return
				}
			}
		}
	}
}

func (t *Table) next(ctx context.Context, pages *dynamodb.QueryPaginator) (*dynamodb.QueryOutput, error) {
	ctx, cancel := amazon.WithTimeout(ctx)
	defer cancel()
	page, err := pages.NextPage(ctx)
	if err != nil {
		return nil, amazon.Explain(ctx, "query the connections in a room", err, Hint)
	}
	return page, nil
}

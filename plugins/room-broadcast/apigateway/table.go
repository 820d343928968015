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

// remove deletes a connection from the table, unless it may still be opening.
func remove(ctx context.Context, t *gateway.Table, connection string) error {
	ctx, cancel := amazon.WithTimeout(ctx)
	defer cancel()
	young := strconv.FormatInt(time.Now().Add(-gateway.ConnectGrace).Unix(), 10)
	_, err := t.DeleteItem(ctx, &dynamodb.DeleteItemInput{
		TableName:                 &t.Name,
		Key:                       gateway.Key(connection),
		ConditionExpression:       aws.String("attribute_not_exists(#connected) OR #connected < :young"),
		ExpressionAttributeNames:  map[string]string{"#connected": gateway.ConnectedAttribute},
		ExpressionAttributeValues: gateway.Row{":young": &types.AttributeValueMemberN{Value: young}},
	})
	if _, young := errors.AsType[*types.ConditionalCheckFailedException](err); young || err == nil {
		return nil
	}
	return amazon.Explain(ctx, "remove a connection from DynamoDB", err, gateway.Hint)
}

package gatewaytest

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
)

// text is a value of the table: a string, or a number in its own words.
type text struct {
	S string `json:",omitempty"`
	N string `json:",omitempty"`
}

// query is the part of Query and DeleteItem that the plugin uses.
type query struct {
	TableName                 string
	IndexName                 string            `json:",omitempty"`
	KeyConditionExpression    string            `json:",omitempty"`
	ConditionExpression       string            `json:",omitempty"`
	ProjectionExpression      string            `json:",omitempty"`
	ExpressionAttributeNames  map[string]string `json:",omitempty"`
	ExpressionAttributeValues map[string]text   `json:",omitempty"`
	ExclusiveStartKey         map[string]text   `json:",omitempty"`
	Key                       map[string]text   `json:",omitempty"`
}

// page is the answer to Query.
type page struct {
	Items            []map[string]text
	Count            int
	ScannedCount     int
	LastEvaluatedKey map[string]text `json:",omitempty"`
}

func (s *Server) dynamoDB(w http.ResponseWriter, r *http.Request, body []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var q query
	err := json.Unmarshal(body, &q)
	f := s.fault("")
	switch {
	case f.Status != 0:
	case !signed(r, body, "dynamodb"):
		f = Fault{Code: "com.amazon.coral.service#UnrecognizedClientException", Message: "The security token included in the request is invalid."}
	case err != nil:
		f = Fault{Code: "com.amazon.coral.service#SerializationException", Message: "not JSON"}
	case q.TableName != Table:
		f = Fault{Code: "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException", Message: "Requested resource not found"}
	case r.Header.Get("X-Amz-Target") == "DynamoDB_20120810.Query":
		if f = s.wrong(q); f.Code == "" {
			answer(w, http.StatusOK, s.page(q))
			return
		}
	case r.Header.Get("X-Amz-Target") == "DynamoDB_20120810.DeleteItem":
		if young, err := strconv.ParseInt(q.ExpressionAttributeValues[":young"].N, 10, 64); err == nil && s.connected[q.Key["connectionId"].S].Unix() >= young &&
			q.ConditionExpression == "attribute_not_exists(#connected) OR #connected < :young" && q.ExpressionAttributeNames["#connected"] == "connected_at" {
			f = Fault{Code: "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException", Message: "The conditional request failed"}
			break
		}
		if _, ok := q.Key["connectionId"]; ok && len(q.Key) == 1 {
			delete(s.rows, q.Key["connectionId"].S)
			answer(w, http.StatusOK, struct{}{})
			return
		}
		f = Fault{Code: "com.amazon.coral.validate#ValidationException", Message: "The provided key element does not match the schema"}
	default:
		f = Fault{Code: "com.amazon.coral.service#UnknownOperationException"}
	}
	answer(w, max(f.Status, http.StatusBadRequest), map[string]string{"__type": f.Code, "message": f.Message})
}

// wrong is what DynamoDB says of a query that the index can't answer.
func (s *Server) wrong(q query) (f Fault) {
	room := q.ExpressionAttributeValues[":room"].S
	switch {
	case q.IndexName != Index:
		return Fault{Code: "com.amazon.coral.validate#ValidationException", Message: "The table does not have the specified index: " + q.IndexName}
	case q.KeyConditionExpression != "#room = :room" || q.ExpressionAttributeNames["#room"] != "room" ||
		q.ProjectionExpression != "#connection" || q.ExpressionAttributeNames["#connection"] != "connectionId":
		return Fault{Code: "com.amazon.coral.validate#ValidationException", Message: "Invalid KeyConditionExpression"}
	case room == "":
		return Fault{Code: "com.amazon.coral.validate#ValidationException", Message: "One or more parameter values are not valid. An empty string key is not supported."}
	}
	return f
}

// page is what comes after ExclusiveStartKey, in the order of the connections.
func (s *Server) page(q query) page {
	p := page{Items: []map[string]text{}}
	room := q.ExpressionAttributeValues[":room"].S
	for _, c := range slices.Sorted(maps.Keys(s.rows)) {
		if s.rows[c] != room || c <= q.ExclusiveStartKey["connectionId"].S {
			continue
		}
		p.Items = append(p.Items, map[string]text{"connectionId": {S: c}})
		p.Count, p.ScannedCount = len(p.Items), len(p.Items)
		if len(p.Items) == s.PageSize { // there may be nothing after it: DynamoDB does not look either
			p.LastEvaluatedKey = map[string]text{"connectionId": {S: c}, "room": {S: room}}
			break
		}
	}
	return p
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

package amazontest

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
)

// text is a value in the table: a string, or a number in decimal.
type text struct {
	S string `json:",omitempty"`
	N string `json:",omitempty"`
}

// query is the part of Query and DeleteItem that is checked.
type query struct {
	TableName                 string
	IndexName                 string            `json:",omitempty"`
	KeyConditionExpression    string            `json:",omitempty"`
	ConditionExpression       string            `json:",omitempty"`
	ExpressionAttributeNames  map[string]string `json:",omitempty"`
	ExpressionAttributeValues map[string]text   `json:",omitempty"`
	ExclusiveStartKey         map[string]text   `json:",omitempty"`
	Key                       map[string]text   `json:",omitempty"`
}

// page is the response to Query.
type page struct {
	Items            []map[string]text
	Count            int
	ScannedCount     int
	LastEvaluatedKey map[string]text `json:",omitempty"`
}

func (s *Gateway) dynamoDB(w http.ResponseWriter, r *http.Request, body []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	response, f := s.call(r, body)
	if f.Code == "" {
		writeJSON(w, http.StatusOK, response)
		return
	}
	writeJSON(w, max(f.Status, http.StatusBadRequest), map[string]string{"__type": f.Code, "message": f.Message})
}

// call returns the response to a request, or a fault with a code. The caller holds mu.
func (s *Gateway) call(r *http.Request, body []byte) (response any, f Fault) {
	if f := s.fault(""); f.Status != 0 {
		return nil, f
	}
	if verify(r, body, "dynamodb", "", "") != nil {
		return nil, Fault{Code: "com.amazon.coral.service#UnrecognizedClientException", Message: "The security token included in the request is invalid."}
	}
	var q query
	if err := json.Unmarshal(body, &q); err != nil {
		return nil, Fault{Code: "com.amazon.coral.service#SerializationException", Message: err.Error()}
	}
	target := r.Header.Get("X-Amz-Target")
	switch {
	case q.TableName != Table:
		return nil, Fault{Code: "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException", Message: "Requested resource not found"}
	case target == "DynamoDB_20120810.Query":
		return s.page(q), s.wrong(q)
	case target == "DynamoDB_20120810.DeleteItem":
		return struct{}{}, s.delete(q)
	}
	return nil, Fault{Code: "com.amazon.coral.service#UnknownOperationException"}
}

// delete deletes a row if it is not younger than the request allows.
func (s *Gateway) delete(q query) (f Fault) {
	connection := q.Key["connectionId"].S
	youngest, err := strconv.ParseInt(q.ExpressionAttributeValues[":young"].N, 10, 64)
	switch {
	case err != nil, len(q.Key) != 1, connection == "", q.ExpressionAttributeNames["#connected"] != "connected_at",
		q.ConditionExpression != "attribute_not_exists(#connected) OR #connected < :young":
		return Fault{Code: "com.amazon.coral.validate#ValidationException", Message: "Invalid key or ConditionExpression"}
	case s.connected[connection].Unix() >= youngest:
		return Fault{Code: "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException", Message: "The conditional request failed"}
	}
	delete(s.rows, connection)
	return f
}

// wrong returns DynamoDB's error for a query that the index cannot answer.
func (s *Gateway) wrong(q query) (f Fault) {
	room := q.ExpressionAttributeValues[":room"].S
	switch {
	case q.IndexName != Index:
		return Fault{Code: "com.amazon.coral.validate#ValidationException", Message: "The table does not have the specified index: " + q.IndexName}
	case q.KeyConditionExpression != "#room = :room" || q.ExpressionAttributeNames["#room"] != "room":
		return Fault{Code: "com.amazon.coral.validate#ValidationException", Message: "Invalid KeyConditionExpression"}
	case room == "":
		return Fault{Code: "com.amazon.coral.validate#ValidationException", Message: "One or more parameter values are not valid. An empty string key is not supported."}
	}
	return f
}

// page returns the rows after ExclusiveStartKey, ordered by connection.
func (s *Gateway) page(q query) page {
	p := page{Items: []map[string]text{}}
	room := q.ExpressionAttributeValues[":room"].S
	for _, c := range slices.Sorted(maps.Keys(s.rows)) {
		if s.rows[c] != room || c <= q.ExclusiveStartKey["connectionId"].S {
			continue
		}
		p.Items = append(p.Items, map[string]text{"connectionId": {S: c}})
		p.Count, p.ScannedCount = len(p.Items), len(p.Items)
		if len(p.Items) == s.PageSize { // the next page may be empty, as with DynamoDB
			p.LastEvaluatedKey = map[string]text{"connectionId": {S: c}, "room": {S: room}}
			break
		}
	}
	return p
}

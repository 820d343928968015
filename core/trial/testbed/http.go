package testbed

import (
	"io"
	"net/http"
)

// Send sends a request and discards the body of the response, so that the connection is used again.
func Send(client *http.Client, req *http.Request) (status int, err error) {
	resp, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, err
}

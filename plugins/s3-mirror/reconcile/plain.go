package reconcile

import (
	"errors"
	"fmt"
	"net/url"

	"github.com/aws/smithy-go"

	"github.com/pointsman/pointsman/plugins/s3-mirror/mirror"
)

// plain is what a server or the network said, without the SDK's own words around it.
func plain(err error) error {
	if already, ok := errors.AsType[*mirror.Error](err); ok {
		return already
	}
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return fmt.Errorf("%s: %s", api.ErrorCode(), api.ErrorMessage())
	}
	if network, ok := errors.AsType[*url.Error](err); ok {
		return network.Err
	}
	return err
}

package app

import (
	"fmt"

	"github.com/pointsman/pointsman/core/admin"
	adminv1 "github.com/pointsman/pointsman/proto/pointsman/admin/v1"
)

var errRooms = fmt.Errorf("%w: rooms cannot be listed yet", admin.ErrPrecondition)

// Rooms implements admin.Router.
func (r *router) Rooms(string) ([]*adminv1.Room, error) { return nil, errRooms }

// RoomMembers implements admin.Router.
func (r *router) RoomMembers(string, string) ([]*adminv1.RoomMember, error) { return nil, errRooms }

// CloseConnections implements admin.Router.
func (r *router) CloseConnections(*adminv1.CloseConnectionsRequest) (int, error) { return 0, errRooms }

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"

	"connectrpc.com/connect"
)

// explain turns the error of a call into one with advice and an exit code. It returns other errors unchanged.
func (e *endpoint) explain(err error) error {
	failed, ok := errors.AsType[*connect.Error](err)
	if !ok {
		return err
	}
	answered := connect.IsWireError(failed)
	message := errors.New(connectMessage(failed))
	switch failed.Code() {
	case connect.CodeCanceled:
		return context.Canceled
	case connect.CodeUnavailable:
		if answered {
			return &exitError{code: exitUnreachable, err: message}
		}
		return &exitError{code: exitUnreachable, err: e.unreachable(failed)}
	case connect.CodeDeadlineExceeded:
		return &exitError{code: exitUnreachable, err: fmt.Errorf("%s does not answer in time", e.name)}
	case connect.CodeUnauthenticated:
		return &exitError{code: exitAuth, err: e.unauthenticated()}
	case connect.CodePermissionDenied:
		return &exitError{code: exitAuth, err: message}
	case connect.CodeNotFound:
		return &exitError{code: exitNotFound, err: message}
	case connect.CodeInvalidArgument:
		return usageError(message)
	case connect.CodeUnimplemented:
		return fmt.Errorf("%s does not serve this part of the admin API: over TCP it needs tokens in the router's block admin, and a router of an older version may not have it (%w)", e.name, message)
	}
	return message
}

// notInJournal replaces a not_found error about a record. It returns other errors unchanged.
func notInJournal(what string, err error) error {
	if connect.CodeOf(err) != connect.CodeNotFound {
		return err
	}
	return connect.NewError(connect.CodeNotFound, fmt.Errorf("%s is not in the journal (settled events are kept for the journal's retention)", what))
}

// connectMessage is the message of an error without its code, printable.
func connectMessage(err error) string {
	if failed, ok := errors.AsType[*connect.Error](err); ok {
		return printableText(failed.Message())
	}
	return printableText(err.Error())
}

func (e *endpoint) unauthenticated() error {
	if e.token == "" {
		return fmt.Errorf("the router at %s wants a token: set %s to one of its admin.tokens, or name a file with one by --token-file", e.name, tokenVariable)
	}
	return fmt.Errorf("the router at %s refuses the token (from %s): it is not one of its admin.tokens", e.name, e.tokenFrom)
}

// unreachable explains why there is no connection.
func (e *endpoint) unreachable(err error) error {
	cause := err
	if op, ok := errors.AsType[*os.SyscallError](err); ok {
		cause = op.Err
	}
	if e.socket != "" && errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("cannot open the socket %s: it belongs to %s\nRun the command as that user", e.socket, owner(e.socket))
	}
	if e.socket != "" && errors.Is(err, fs.ErrNotExist) {
		cause = errors.New("there is no such socket")
	}
	if errors.Is(err, syscall.ECONNREFUSED) {
		cause = errors.New("connection refused")
	}
	return fmt.Errorf("no router answers at %s: %w\n%s", e.name, cause, e.hint)
}

// owner names the user that a file belongs to, or that its folder belongs to when the folder hides the file.
func owner(path string) string {
	info, err := os.Stat(path)
	for err != nil && filepath.Dir(path) != path {
		path = filepath.Dir(path)
		info, err = os.Stat(path)
	}
	if err != nil {
		return "another user"
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return "another user"
	}
	uid := strconv.FormatUint(uint64(stat.Uid), 10)
	if u, err := user.LookupId(uid); err == nil {
		return fmt.Sprintf("user %s (uid %s)", u.Username, uid)
	}
	return "uid " + uid
}

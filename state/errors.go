package state

import (
	"errors"
	"fmt"
)

// Code is the machine-readable kind of an [Error]; the values are those of the
// client contract and never change meaning.
type Code string

// The codes a client may see.
const (
	InvalidArgument Code = "invalid_argument"
	NotFound        Code = "not_found"
	AlreadyExists   Code = "already_exists"
	Conflict        Code = "conflict"
	ClaimHeld       Code = "claim_held"
	ClaimLost       Code = "claim_lost"
	Blocked         Code = "blocked"
	Dirty           Code = "dirty"
	Unmerged        Code = "unmerged"
	Unproven        Code = "unproven"
	InUse           Code = "in_use"
	Busy            Code = "busy"
	Corrupt         Code = "corrupt"
	ReadOnly        Code = "read_only"
	NotARepository  Code = "not_a_repository"
	GitFailed       Code = "git"
	Timeout         Code = "timeout"
	Cancelled       Code = "cancelled"
	Internal        Code = "internal"
)

// Error is a failure that a client can act on: what kind, what is wrong, and
// what to do next. Details are extra facts for programs (holder, files, …).
type Error struct {
	Code    Code
	Message string
	Hint    string
	Details map[string]any
	Err     error
}

// Error returns the message and its cause on one line.
func (e *Error) Error() string {
	if e.Err == nil {
		return e.Message
	}
	return e.Message + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// With returns e with one more fact for programs.
func (e *Error) With(key string, value any) *Error {
	if e.Details == nil {
		e.Details = map[string]any{}
	}
	e.Details[key] = value
	return e
}

func (e *Error) because(err error) *Error {
	e.Err = err
	return e
}

// Errorf makes an Error of the given kind; hint names the next call and may be empty.
func Errorf(code Code, hint, format string, args ...any) *Error {
	return &Error{Code: code, Hint: hint, Message: fmt.Sprintf(format, args...)}
}

// Invalid makes an InvalidArgument error of one argument; hint may be empty.
func Invalid(argument, hint, format string, args ...any) *Error {
	return Errorf(InvalidArgument, hint, "%s: %s", argument, fmt.Sprintf(format, args...)).With("argument", argument)
}

// CodeOf returns the code of the first [Error] in err's chain, or Internal.
func CodeOf(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return Internal
}

//go:build !linux

package files

import (
	"context"
	"os"
)

// notifier is what tells of changes; here nothing does, and files are looked at.
type notifier struct{ broken bool }

type message struct {
	name       string
	lost, gone bool
}

func (n *notifier) drain(func(message)) error { return nil }
func (n *notifier) close()                    {}

func (s *Store) watchTasks(string, os.FileInfo) *notifier { return nil }

// logNotifier is what tells of changes of the event log; here nothing does.
type logNotifier struct{}

func (s *Store) notifyLog() *logNotifier { return nil }

func (l *logNotifier) wait(context.Context) error { return nil }
func (l *logNotifier) close()                     {}

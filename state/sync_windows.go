package state

import (
	"fmt"
	"time"

	"github.com/spf13/afero"
	"golang.org/x/sys/windows"
)

// flush makes the content of f durable.
func flush(f afero.File) error { return f.Sync() }

// bootID names this boot of the machine by its hour; a wrong answer costs one
// reading of the journal, as long as two boots of one hour differ in uptime.
func bootID() string {
	booted := time.Now().Add(-windows.DurationSinceBoot())
	return fmt.Sprintf("boot-%d", booted.Round(time.Minute).Unix())
}

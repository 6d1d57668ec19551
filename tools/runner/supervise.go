package runner

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"
)

const (
	settle   = 100 * time.Millisecond // for what a finished shell left to end by itself, and for the pipe to close
	farewell = 50 * time.Millisecond  // SIGTERM to SIGKILL for what a finished shell left behind
	grace    = 500 * time.Millisecond // SIGTERM to SIGKILL after a timeout or a stop
	lastWait = 10 * time.Second       // for killed processes that the kernel does not let go
)

const unknownCode = -1 // of a shell whose end nobody saw

// order is one line from the server: a run to start, or one to stop, or the
// environment in which the board can be told.
type order struct {
	Run     *Spec    `json:"run,omitempty"`
	Stop    string   `json:"stop,omitempty"`
	Cause   string   `json:"cause,omitempty"`
	Environ []string `json:"environ,omitempty"`
}

// report is one line to the server: what became of an order to run.
type report struct {
	Started *Record  `json:"started,omitempty"`
	Failed  *failure `json:"failed,omitempty"`
	Ended   *Record  `json:"ended,omitempty"`
}

// brief leaves out what is long: a report must fit a pipe that nobody reads just
// now, for a supervisor that waits is none.
func (r Record) brief() *Record {
	r.Command, r.EnvDropped = "", nil
	return &r
}

// failure is an error on its way to another process.
type failure struct {
	Kind int    `json:"kind"` // position in kinds, from 1
	Text string `json:"text"`
}

func kinds() []error {
	return []error{ErrNUL, ErrTooLong, ErrNoDir, ErrNoShell, syscall.ENOSPC, syscall.EDQUOT, syscall.EROFS, syscall.EMFILE, fs.ErrPermission}
}

func failureOf(err error) *failure {
	f := &failure{Text: err.Error()}
	for i, kind := range kinds() {
		if errors.Is(err, kind) {
			f.Kind = i + 1
		}
	}
	return f
}

type remoteError struct {
	text string
	kind error
}

func (e remoteError) Error() string { return e.text }
func (e remoteError) Unwrap() error { return e.kind }

func (f *failure) error() error {
	if f.Kind < 1 || f.Kind > len(kinds()) {
		return remoteError{text: f.Text}
	}
	return remoteError{f.Text, kinds()[f.Kind-1]}
}

// Supervise is the whole life of a supervisor process: it takes runs from in, one
// at a time, and reports on out, until in ends. A foreground run ends with in;
// a background run goes on, and its end is handed to orphan, for there is no
// server any more that would tell the board. The server's environment comes with
// the orders: one that a process is started with can be read by all that it starts.
func Supervise(in io.Reader, out io.Writer, orphan func(Record)) error {
	if err := contain(); err != nil {
		return err
	}
	s := &supervisor{orders: make(chan order), out: json.NewEncoder(out), orphan: orphan}
	s.look, s.end = listen()
	go s.receive(in)
	for {
		select {
		case o, ok := <-s.orders:
			if !ok {
				return nil
			}
			for _, entry := range o.Environ {
				name := entryName(entry)
				os.Setenv(name, entry[min(len(entry), len(name)+1):])
			}
			if o.Run != nil && !s.run(*o.Run) {
				return nil
			}
		case <-s.look:
		case <-s.end:
			return nil
		}
	}
}

type supervisor struct {
	orders chan order // closed when the server is gone
	out    *json.Encoder
	look   chan os.Signal // there may be a stop file
	end    chan os.Signal
	orphan func(Record)
	alone  bool // the server is gone
}

func (s *supervisor) receive(in io.Reader) {
	defer close(s.orders)
	dec := json.NewDecoder(in)
	for {
		var o order
		if dec.Decode(&o) != nil {
			return
		}
		s.orders <- o
	}
}

// run does one run, and reports whether another may follow.
func (s *supervisor) run(spec Spec) bool {
	j, err := begin(spec)
	if err != nil {
		return s.out.Encode(report{Failed: failureOf(err)}) == nil
	}
	s.alone = s.out.Encode(report{Started: j.record.brief()}) != nil
	status, cause := s.await(j)
	j.finish(status, cause)
	if s.out.Encode(report{Ended: j.record.brief()}) != nil || s.alone {
		s.orphan(j.record)
		return false
	}
	return !spec.Background && len(j.record.Survivors) == 0
}

// await waits for what ends the run first. An end that has already happened wins.
func (s *supervisor) await(j *job) (status Status, cause string) {
	var expired <-chan time.Time
	if j.spec.Timeout > 0 {
		timer := time.NewTimer(j.spec.Timeout)
		defer timer.Stop()
		expired = timer.C
	}
	for {
		select {
		case <-j.family.ended:
			return Exited, ""
		case <-expired:
			status = TimedOut
		case <-s.end:
			status, cause = Cancelled, "its supervisor was told to end"
		case <-s.look:
			status, cause = j.stopFile()
		case o, ok := <-s.orders:
			status, cause = s.obey(j, o, ok)
		}
		if within(0, j.family.ended) {
			return Exited, ""
		}
		if status != "" {
			return status, cause
		}
	}
}

func (s *supervisor) obey(j *job, o order, ok bool) (Status, string) {
	if !ok {
		s.orders, s.alone = nil, true
		if !j.spec.Background {
			return Cancelled, "the server ended"
		}
	}
	if o.Stop == j.spec.ID {
		return Cancelled, o.Cause
	}
	return "", ""
}

// job is one run while its supervisor has it.
type job struct {
	spec   Spec
	record Record
	lock   *os.File
	log    *logWriter
	pipe   *os.File
	family *family
	read   chan struct{} // closed when nothing more is read; log may be used then
	began  time.Time
}

// begin starts a run and puts it on record. Where it fails nothing is left of it.
func begin(spec Spec) (j *job, err error) {
	if spec.LogLimit <= 0 {
		spec.LogLimit = DefaultLogLimit
	}
	j = &job{spec: spec, read: make(chan struct{})}
	defer func() {
		if err != nil {
			j.abandon()
		}
	}()
	if j.lock, err = takeLock(spec.Dir, spec.ID); err != nil {
		return j, fmt.Errorf("lock run %s: %w", spec.ID, err)
	}
	if j.log, err = newLogWriter(spec.Dir, spec.ID, spec.LogLimit); err != nil {
		return j, err
	}
	if err = j.start(); err != nil {
		return j, err
	}
	if err = j.record.write(spec.Dir); err != nil {
		j.family.destroy(lastWait)
	}
	return j, err
}

func (j *job) start() error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer w.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		r.Close()
		return err
	}
	defer null.Close()
	j.began = time.Now()
	j.family, err = startFamily(j.spec.shell(), j.spec.Script, &os.ProcAttr{
		Dir: j.spec.Path, Env: append([]string{}, j.spec.Env...), Files: []*os.File{null, w, w}})
	if err != nil {
		r.Close()
		return j.spec.explain(err)
	}
	j.pipe, j.record = r, newRecord(j.spec, j.began)
	go j.collect()
	return nil
}

func (j *job) abandon() {
	if j.log != nil {
		j.log.Close()
		removeFile(file(j.spec.Dir, j.spec.ID, ".log"))
	}
	if j.lock != nil {
		removeFile(file(j.spec.Dir, j.spec.ID, ".lock"))
		j.lock.Close()
	}
}

func (j *job) collect() {
	defer close(j.read)
	_, err := io.CopyBuffer(j.log, onlyReader{j.pipe}, make([]byte, 64<<10))
	if errors.Is(err, os.ErrDeadlineExceeded) {
		readRest(j.pipe, j.log)
	}
}

// onlyReader keeps io.Copy from asking the pipe for other ways to copy.
type onlyReader struct{ io.Reader }

// finish ends what still runs, collects what was written, and puts the end on
// record before it gives the lock back.
func (j *job) finish(status Status, cause string) {
	r := &j.record
	patience := grace
	if status == Exited {
		patience = farewell
		if !j.family.alone(settle) {
			r.LeftRunning = shown(j.family.left())
		}
	}
	if !j.family.alone(0) {
		j.family.terminate()
		j.family.alone(patience)
	}
	if !j.family.destroy(lastWait) {
		r.Survivors = shown(j.family.left())
	}
	within(settle, j.read)
	interrupt(j.pipe)
	<-j.read
	j.pipe.Close()
	j.close(status, cause)
}

func (j *job) close(status Status, cause string) {
	r := &j.record
	now := time.Now()
	r.Status, r.Cause, r.ExitCode, r.OutputBytes = status, cause, j.family.code(), j.log.total
	r.EndedAt, r.Duration = epoch(now), now.Sub(j.began).Seconds()
	j.log.Close()
	if j.log.err != nil {
		r.LogError = j.log.err.Error()
	}
	if err := r.write(j.spec.Dir); err != nil {
		r.LogError = err.Error()
	}
	removeFile(file(j.spec.Dir, j.spec.ID, stopSuffix))
	j.lock.Close()
}

// shown bounds a list of processes, and makes its text safe.
func shown(names []string) []string {
	const most, longest = 10, 120
	var out []string
	for _, name := range names[:min(most, len(names))] {
		name, _ = firstLines([]byte(name), longest)
		out = append(out, name)
	}
	if more := len(names) - most; more > 0 {
		out = append(out, fmt.Sprintf("and %d more", more))
	}
	return out
}

// stopSuffix is that of the file which asks a supervisor to stop its run. What is
// in it says why.
const stopSuffix = ".stop"

func (j *job) stopFile() (Status, string) {
	why, err := readFile(file(j.spec.Dir, j.spec.ID, stopSuffix), maxRecord)
	if err != nil {
		return "", ""
	}
	return Cancelled, string(why)
}

// within reports whether an event came to pass in time.
func within(d time.Duration, event <-chan struct{}) bool {
	select {
	case <-event:
		return true
	default:
	}
	if d <= 0 {
		return false
	}
	limit := time.NewTimer(d)
	defer limit.Stop()
	select {
	case <-event:
		return true
	case <-limit.C:
		return false
	}
}

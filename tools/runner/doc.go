// Package runner runs the shell commands that an agent gives, as jobs: each has a
// name, a record and a log on disk, and a supervisor process of its own while it
// lasts. A command that exits non-zero, runs out of time or is stopped is a
// result; an error means that nothing was started.
//
// # How a run goes
//
// Jobs.Start hands a Spec to a supervisor: this program once more, called with
// SuperviseCommand, which is to call Supervise. The supervisor starts the shell
// in a session of its own, with an empty stdin and with stdout and stderr in one
// pipe, in the order of its writes, and writes what comes out of the pipe to the
// log as it comes. It holds the lock <run_id>.lock as long as the run lasts, and
// puts the end on record before it gives the lock back. A supervisor that is
// done serves the next run; never two at a time.
//
// # What holds when a run is over
//
//   - Nothing that the command started is left, whatever it did to get away:
//     background children, setsid, double forks, forkers that start anew,
//     stopped processes, processes that ignore SIGTERM. On Linux the supervisor
//     is the subreaper of all of them, so a run is over exactly when it has no
//     child left. Record.Containment names the weaker hold that other systems
//     give, Record.Survivors what could not be ended (a command that changed its
//     user).
//   - All that was written before the end has been counted and, within the
//     limit of the log, kept: its head and its tail.
//   - Its end is told to the Teller once, by whoever notices first: the process
//     that started it, the supervisor, or the next process that looks.
//
// # How a run ends
//
// When its shell ends: what that leaves gets a tenth of a second to end by
// itself (a tee that has to empty itself), then SIGTERM, then SIGKILL. On a
// timeout or a stop all of them get SIGTERM (and SIGCONT, for those that were
// stopped), half a second, then SIGKILL, as each is seen, until none is
// left. No step waits for the pipe to be closed.
//
// A foreground run also ends with the process that started it, whatever ended
// that: the supervisor reads from a pipe that the kernel closes then. A
// background run goes on. If the supervisor itself is killed, the shell dies with
// it, and what carries the run's mark in its environment is ended by whoever
// notices, and on Linux whatever carries the limit that no process but root's can
// take off and has no supervisor above it.
//
// # Who may do what
//
// Any process that has the directory can list, read, wait for and stop any run.
// That a run is alive is known by its lock, never by a number of a process.
// Logs are plain files, only ever appended to; offsets count the bytes of the
// stream and mean the same for ever. Memory does not grow with the output. Two
// commands in one directory are not kept apart, and what they write is not
// synced.
package runner

// Package runner runs one shell command that an agent gave, and answers with
// what became of it. A command that exits non-zero, runs out of time or is
// cancelled is a result; an error means that nothing was started.
//
// # What holds when Run has returned
//
//   - The shell is reaped, and every process of its group has been sent
//     SIGKILL. The group is a session of its own with no terminal, so a prompt
//     on /dev/tty fails instead of waiting for a person.
//   - The command read from an empty stdin and wrote stdout and stderr into one
//     pipe, in the order of its writes. Nothing reached the streams of this
//     process, and no goroutine and no descriptor of the run is left.
//   - All that was written before the shell ended has been counted, and Output
//     holds it, or its head and its tail, as clean text within the budget.
//
// Memory does not grow with the amount of output.
//
// # How a run ends
//
// A run is over when its shell is. Processes it leaves behind get a tenth of a
// second to close the output (a tee that has to empty itself), then SIGTERM,
// then SIGKILL. On a timeout or a cancelled context the whole group gets
// SIGTERM (and SIGCONT, for those that were stopped), half a second, then
// SIGKILL. No step waits for the end of the pipe for long, so a process that
// left the group and holds the pipe cannot delay the answer.
//
// # What does not hold
//
// A process that leaves the session (setsid, a daemon) or makes a group of its
// own (set -m) outlives the run, and so does the command if this process is
// killed with SIGKILL meanwhile. Files that the command wrote are not synced.
// On Windows there is no polite signal: a job object ends the whole tree at
// once, and a process started in the instant before the shell joins the job
// escapes it.
//
// Run is safe for concurrent use by goroutines and processes; two commands in
// one directory are not kept apart.
package runner

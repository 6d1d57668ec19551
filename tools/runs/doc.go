// Package runs tells on the board what commands agents run in worktrees: their start
// and end are events, a run keeps the claim on its task alive, and its result names
// what changed in the main checkout while it went.
//
// What it promises:
//
//   - Every run that began is told once to have started and once to have finished,
//     also where the process that started it died: the next one tells it.
//   - A run whose claim was lost before the board took its start is ended, and the
//     answer says how far it got (invariant 6).
//   - A claim lives as long as a run that its holder started, and a lease after it.
//   - A set-up runs in the background and outlives the call that asked for it.
//
// How a command is started, contained and ended is the business of tools/runner.
package runs

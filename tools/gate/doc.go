// Package gate has a tree pass the user's checks before it lands.
//
// What it promises:
//
//   - The checks are those of the configuration as it was when the Gate was made, which
//     the user wrote or approved. Nothing of the tree that is checked has a say in what
//     is run, only in what that does.
//   - They run on exactly that tree, in a checkout of its own (git.Checkout): what it
//     tracks is as it will land, what it neither tracks nor ignores is not there. What
//     its .gitignore names is left from the check before, as in anybody's checkout:
//     that is what makes the next one quick. check_fresh = true removes that too.
//   - They run under a supervisor like any command (tools/runner), with its limits: what
//     they leave running is ended, and so are they with the process that asked.
//   - A tree that passed is known to have passed by every process, for these commands
//     and this shell. A tree that failed is tried again when somebody asks again.
//   - Bisect finds what of a batch may land, with a bounded number of checks. What it
//     lets pass has been checked together, in the order in which it lands.
package gate

//go:build race

package files

// underRace is true where the race detector slows tests down tenfold; what runs
// in one goroutine has nothing for it to find.
const underRace = true

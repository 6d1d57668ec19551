package main

import (
	"bufio"
	"io"
	"strings"
	"unicode/utf8"
)

// cell is a word or a few in a table, and how a terminal shows it.
type cell struct {
	text  string
	style func(string) string // nil: as it is
}

// printTable prints rows in columns that are as wide as their widest cell; the
// last column is as long as it is.
func printTable(w io.Writer, rows [][]cell) error {
	var widths []int
	for _, row := range rows {
		for i, c := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(c.text))
		}
	}
	out := bufio.NewWriter(w)
	for _, row := range rows {
		var line strings.Builder
		for i, c := range row {
			if widths[i] == 0 {
				continue
			}
			text := c.text
			if c.style != nil && text != "" {
				text = c.style(text)
			}
			line.WriteString(text)
			if i < len(row)-1 {
				line.WriteString(strings.Repeat(" ", widths[i]-utf8.RuneCountInString(c.text)+2))
			}
		}
		out.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	return out.Flush()
}

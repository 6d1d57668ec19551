package tools

import (
	"math"
	"strconv"
	"strings"
)

// decimals is how many digits of a fraction an answer has.
const decimals = 3

// rounded shortens the fractions in JSON: 1795590861.644564 becomes 1795590861.645.
// What is no valid JSON comes back in whatever form.
func rounded(data []byte) []byte {
	out, from := make([]byte, 0, len(data)), 0
	for i := 0; i < len(data); {
		switch c := data[i]; {
		case c == '"':
			i = endOfString(data, i)
		case c == '-' || c >= '0' && c <= '9':
			end := endOfNumber(data, i)
			out = append(append(out, data[from:i]...), shortened(data[i:end])...)
			i, from = end, end
		default:
			i++
		}
	}
	return append(out, data[from:]...)
}

func endOfString(data []byte, at int) int {
	for at++; at < len(data) && data[at] != '"'; at++ {
		if data[at] == '\\' {
			at++
		}
	}
	return at + 1
}

func endOfNumber(data []byte, at int) int {
	for at < len(data) && strings.IndexByte("+-.0123456789eE", data[at]) >= 0 {
		at++
	}
	return at
}

// shortened is a number with few decimals; one that has no more stays as it is written.
func shortened(number []byte) []byte {
	_, fraction, _ := strings.Cut(string(number), ".")
	if len(fraction) <= decimals {
		return number
	}
	value, err := strconv.ParseFloat(string(number), 64)
	if err != nil {
		return number
	}
	return strconv.AppendFloat(nil, math.Round(value*1000)/1000, 'f', -1, 64)
}

// Verifies with the libraries of Go's checksum database: an entry by a .tlog-proof, or one note by an earlier one.
package main

import (
	"encoding/base64"
	"log"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

func file(name string) string { return string(must(os.ReadFile(name))) }

func hash(line string) (found tlog.Hash) {
	copy(found[:], must(base64.StdEncoding.DecodeString(line)))
	return found
}

func opened(key, signed string) (size int64, root tlog.Hash) {
	text := must(note.Open([]byte(signed), note.VerifierList(must(note.NewVerifier(key))))).Text
	lines := strings.Split(text, "\n")
	return must(strconv.ParseInt(lines[1], 10, 64)), hash(lines[2])
}

func main() {
	key, lines, newest, found := os.Args[2], strings.Split(file(os.Args[3]), "\n"), "", []tlog.Hash{}
	for place, line := range lines {
		if line == "" {
			newest = strings.Join(lines[place+1:], "\n")
			break
		} else if !strings.Contains(line, " ") && !strings.Contains(line, "@") {
			found = append(found, hash(line))
		}
	}
	size, root := opened(key, newest)
	if os.Args[1] == "inclusion" {
		index := must(strconv.ParseInt(strings.TrimPrefix(lines[1], "index "), 10, 64))
		must(0, tlog.CheckRecord(found, size, root, index, tlog.RecordHash([]byte(file(os.Args[4])))))
	} else {
		oldSize, oldRoot := opened(key, file(os.Args[4]))
		must(0, tlog.CheckTree(found, size, root, oldSize, oldRoot))
	}
}

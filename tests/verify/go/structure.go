// Verifies the structure of audit exports with the libraries of Go's checksum database: notes, roots, hash tiles, proofs.
//
// structure KEY KEY KEY: reads names of files, a line each, and answers a line each: "ok", or the log, the first wrong position
// (0: none is at fault) and why. The keys are those of the logs of facts, compliance events and claims.
package main

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// A sealedLog is one log of an export, as far as it was read.
type sealedLog struct {
	name     string
	key      string
	size     int64
	root     tlog.Hash
	kept     map[int64]tlog.Hash
	tiles    []byte
	stored   hashes
	leaves   []tlog.Hash
	entries  map[int64][]byte
	proofs   map[int64]string
	position int64
}

type hashes []tlog.Hash

func (stored hashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	found := []tlog.Hash{}
	for _, index := range indexes {
		if index >= int64(len(stored)) {
			return nil, errors.New("fewer entries than the checkpoint says")
		}
		found = append(found, stored[index])
	}
	return found, nil
}

func (sealed *sealedLog) opened(signed string) (int64, tlog.Hash, error) {
	verifier, err := note.NewVerifier(sealed.key)
	if err != nil {
		return 0, tlog.Hash{}, err
	}
	opened, err := note.Open([]byte(signed), note.VerifierList(verifier))
	if err != nil {
		return 0, tlog.Hash{}, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) < 4 || lines[0] != verifier.Name() {
		return 0, tlog.Hash{}, errors.New("no checkpoint of this log")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return 0, tlog.Hash{}, err
	}
	root, err := tlog.ParseHash(lines[2])
	return size, root, err
}

func (sealed *sealedLog) take(part string, content []byte) (err error) {
	switch {
	case part == "checkpoint":
		sealed.size, sealed.root, err = sealed.opened(string(content))
	case strings.HasPrefix(part, "checkpoints/"):
		for _, line := range strings.Split(strings.TrimSuffix(string(content), "\n"), "\n") {
			var kept struct{ Note string }
			if err := json.Unmarshal([]byte(line), &kept); err != nil {
				return err
			}
			size, root, err := sealed.opened(kept.Note)
			if err != nil {
				return err
			}
			sealed.kept[size] = root
		}
	case strings.HasPrefix(part, "tile/0/"):
		sealed.tiles = append(sealed.tiles, content...)
	case strings.HasPrefix(part, "tile/entries/"):
		for len(content) > 1 {
			length := int(content[0])<<8 + int(content[1])
			if len(content) < 2+length {
				return errors.New("a bundle ends within an entry")
			}
			added, err := tlog.StoredHashes(int64(len(sealed.leaves)), content[2:2+length], sealed.stored)
			if err != nil {
				return err
			}
			sealed.stored = append(sealed.stored, added...)
			sealed.leaves = append(sealed.leaves, added[0])
			content = content[2+length:]
		}
	case strings.HasPrefix(part, "entries/"):
		position, _ := strconv.ParseInt(strings.TrimPrefix(part, "entries/"), 10, 64)
		sealed.entries[position] = content
	case strings.HasPrefix(part, "proofs/"):
		position, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimPrefix(part, "proofs/"), ".tlog-proof"), 10, 64)
		sealed.proofs[position] = string(content)
	}
	return err
}

func (sealed *sealedLog) conclude() error {
	for position, proof := range sealed.proofs {
		sealed.position = position
		if err := sealed.prove(position-1, proof, sealed.entries[position]); err != nil {
			return err
		}
	}
	sealed.position = 0
	if len(sealed.proofs) > 0 || len(sealed.entries) > 0 {
		return nil
	}
	for place, leaf := range sealed.leaves {
		if len(sealed.tiles) < 32*(place+1) || !bytes.Equal(sealed.tiles[32*place:32*place+32], leaf[:]) {
			sealed.position = int64(place + 1)
			return errors.New("the hash tile is not that of the entry")
		}
	}
	if int64(len(sealed.leaves)) != sealed.size {
		return errors.New("another number of entries than the checkpoint says")
	}
	sealed.kept[sealed.size] = sealed.root
	for size, root := range sealed.kept {
		found, err := tlog.TreeHash(size, sealed.stored)
		if err != nil {
			return err
		}
		if found != root {
			return fmt.Errorf("the entries have another root at size %d", size)
		}
	}
	return nil
}

func (sealed *sealedLog) prove(index int64, written string, entry []byte) error {
	head, signed, _ := strings.Cut(written, "\n\n")
	lines := strings.Split(head, "\n")
	if len(lines) < 2 || lines[0] != "c2sp.org/tlog-proof@v1" || lines[1] != fmt.Sprintf("index %d", index) {
		return errors.New("no proof of this place")
	}
	proof := tlog.RecordProof{}
	for _, line := range lines[2:] {
		decoded, err := base64.StdEncoding.Strict().DecodeString(line)
		if err != nil || len(decoded) != 32 {
			return errors.New("a hash of the proof is no hash")
		}
		proof = append(proof, *(*tlog.Hash)(decoded))
	}
	size, root, err := sealed.opened(signed)
	if err != nil {
		return err
	}
	if size != sealed.size || root != sealed.root {
		return errors.New("a proof in another checkpoint")
	}
	return tlog.CheckRecord(proof, size, root, index, tlog.RecordHash(entry))
}

var member = regexp.MustCompile(`^(facts|compliance|claims)/(.*)$`)

// verified names the log at fault, if one is.
func verified(path string, keys map[string]string) (*sealedLog, error) {
	logs := map[string]*sealedLog{}
	for name, key := range keys {
		logs[name] = &sealedLog{
			name: name, key: key, kept: map[int64]tlog.Hash{}, entries: map[int64][]byte{}, proofs: map[int64]string{},
		}
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	compressed, err := gzip.NewReader(bufio.NewReader(file))
	if err != nil {
		return nil, err
	}
	archive := tar.NewReader(compressed)
	for {
		header, err := archive.Next()
		if err == io.EOF {
			break
		} else if err != nil {
			return nil, err
		}
		content, err := io.ReadAll(archive)
		if err != nil {
			return nil, err
		}
		if names := member.FindStringSubmatch(header.Name); names != nil {
			if err := logs[names[1]].take(names[2], content); err != nil {
				return logs[names[1]], err
			}
		}
	}
	for _, name := range []string{"facts", "compliance", "claims"} {
		if err := logs[name].conclude(); err != nil {
			return logs[name], err
		}
	}
	return nil, nil
}

func main() {
	keys := map[string]string{"facts": os.Args[1], "compliance": os.Args[2], "claims": os.Args[3]}
	paths := bufio.NewScanner(os.Stdin)
	for paths.Scan() {
		sealed, err := verified(paths.Text(), keys)
		if err == nil {
			fmt.Println("ok")
		} else if sealed == nil {
			fmt.Printf("file 0 %v\n", err)
		} else {
			fmt.Printf("%s %d %v\n", sealed.name, sealed.position, err)
		}
	}
}

// Verifies a mirror of the audit log with golang.org/x/mod alone: the signed head, every
// tile, every entry, the proof of one record, and that an older head is of the same log.
//
//	logcheck DIR VKEY
//
// DIR has checkpoint, tile/..., older (a checkpoint), consistency (hashes in base64, one a
// line), record (a leaf) and record.proof (C2SP tlog-proof). Exits with 1 at the first lie.
package main

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: logcheck DIR VKEY")
		os.Exit(2)
	}
	dir, vkey := os.Args[1], os.Args[2]
	tree := head(filepath.Join(dir, "checkpoint"), vkey)
	entries(dir, tree)
	older := head(filepath.Join(dir, "older"), vkey)
	proof := tlog.TreeProof(hashes(strings.Split(strings.TrimSpace(read(filepath.Join(dir, "consistency"))), "\n")))
	must(tlog.CheckTree(proof, tree.N, tree.Hash, older.N, older.Hash), "consistency")
	record(dir, vkey)
	fmt.Printf("%d records, root %v\n", tree.N, tree.Hash)
}

// head opens a checkpoint that the key signed.
func head(file, vkey string) tlog.Tree {
	return checkpoint(read(file), vkey)
}

func checkpoint(text, vkey string) tlog.Tree {
	verifier, err := note.NewVerifier(vkey)
	must(err, "verifier key")
	opened, err := note.Open([]byte(text), note.VerifierList(verifier))
	must(err, "signature")
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != verifier.Name() || lines[3] != "" {
		fail("the checkpoint is not of this log: %q", opened.Text)
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	must(err, "size")
	root, err := tlog.ParseHash(lines[2])
	must(err, "root")
	return tlog.Tree{N: size, Hash: root}
}

// entries recomputes the tree from the leaves and compares it with the tiles and the head.
func entries(dir string, tree tlog.Tree) {
	reader := tlog.TileHashReader(tree, files{dir})
	var stored []tlog.Hash
	own := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		found := make([]tlog.Hash, len(indexes))
		for i, index := range indexes {
			found[i] = stored[index]
		}
		return found, nil
	})
	for from := int64(0); from < tree.N; from += 1 << height {
		width := tree.N - from
		if width > 1<<height {
			width = 1 << height
		}
		tile := tlog.Tile{H: height, L: -1, N: from >> height, W: int(width)}
		rest := []byte(read(filepath.Join(dir, path(tile))))
		for n := from; n < from+width; n++ {
			if len(rest) < 2 || len(rest) < 2+int(binary.BigEndian.Uint16(rest)) {
				fail("the entries end before record %d", n)
			}
			length := int(binary.BigEndian.Uint16(rest))
			more, err := tlog.StoredHashes(n, rest[2:2+length], own)
			must(err, "stored hashes")
			signed, err := reader.ReadHashes([]int64{tlog.StoredHashIndex(0, n)})
			must(err, "tiles")
			if signed[0] != more[0] {
				fail("record %d is not the one in the tiles", n)
			}
			stored = append(stored, more...)
			rest = rest[2+length:]
		}
		if len(rest) != 0 {
			fail("bytes are left after the entries of %s", path(tile))
		}
	}
	root, err := tlog.TreeHash(tree.N, own)
	must(err, "root")
	if root != tree.Hash {
		fail("the records give the root %v, and %v was signed", root, tree.Hash)
	}
}

// record checks a tlog-proof file for a leaf.
func record(dir, vkey string) {
	parts := strings.SplitN(read(filepath.Join(dir, "record.proof")), "\n\n", 2)
	lines := strings.Split(parts[0], "\n")
	if len(parts) != 2 || len(lines) < 2 || lines[0] != "c2sp.org/tlog-proof@v1" {
		fail("not a proof file")
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[1], "index "), 10, 64)
	must(err, "index")
	tree := checkpoint(parts[1], vkey)
	leaf := tlog.RecordHash([]byte(read(filepath.Join(dir, "record"))))
	must(tlog.CheckRecord(hashes(lines[2:]), tree.N, tree.Hash, index, leaf), "inclusion")
}

func hashes(lines []string) []tlog.Hash {
	var all []tlog.Hash
	for _, line := range lines {
		if line == "" {
			continue
		}
		raw, err := base64.StdEncoding.DecodeString(line)
		must(err, "hash")
		var hash tlog.Hash
		if copy(hash[:], raw) != len(hash) || len(raw) != len(hash) {
			fail("a hash has %d bytes", len(raw))
		}
		all = append(all, hash)
	}
	return all
}

// files reads tiles from the mirror's folder.
type files struct{ dir string }

func (f files) Height() int { return height }

func (f files) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	data := make([][]byte, len(tiles))
	for i, tile := range tiles {
		bytes, err := os.ReadFile(filepath.Join(f.dir, path(tile)))
		if err != nil {
			return nil, err
		}
		data[i] = bytes
	}
	return data, nil
}

func (f files) SaveTiles([]tlog.Tile, [][]byte) {}

// path is that of C2SP: without the height, and with entries for data.
func path(tile tlog.Tile) string {
	return strings.Replace(strings.Replace(tile.Path(), "tile/8/", "tile/", 1), "tile/data/", "tile/entries/", 1)
}

func read(file string) string {
	bytes, err := os.ReadFile(file)
	must(err, "file")
	return string(bytes)
}

func must(err error, what string) {
	if err != nil {
		fail("%s: %v", what, err)
	}
}

func fail(format string, arguments ...interface{}) {
	fmt.Fprintf(os.Stderr, format+"\n", arguments...)
	os.Exit(1)
}

// Verifies a published log with golang.org/x/mod/sumdb, which knows nothing of this project.
//
// Usage: GO111MODULE=off GOPATH=/usr/share/gocode go run verify.go DIRECTORY
//
// DIRECTORY holds what tests/tlog.rs wrote: the log as C2SP tlog-tiles serves it (checkpoint, tile/...), an older
// checkpoint, facts.json with the verifier keys, and proofs.json with our inclusion and consistency proofs. Prints one
// JSON object of what was proved; ends with a message and status 1 at the first thing that does not hold.
//
// The package note opens the notes; the package tlog authenticates every tile against the checkpoint's root, makes its own
// proofs from them and checks ours.
package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type facts struct {
	LogKey     string   `json:"log_key"`
	WitnessKey []string `json:"witness_keys"`
}

type inclusion struct {
	Index int64    `json:"index"`
	Size  int64    `json:"size"`
	Path  []string `json:"path"`
}

type consistency struct {
	Old  int64    `json:"old"`
	New  int64    `json:"new"`
	Path []string `json:"path"`
}

type proofs struct {
	Inclusion   []inclusion   `json:"inclusion"`
	Consistency []consistency `json:"consistency"`
}

func must(condition bool, reason string) {
	if !condition {
		panic(errors.New(reason))
	}
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// cosigner verifies cosignatures of type 0x04 (C2SP tlog-cosignature), which the package note does not know itself.
type cosigner struct {
	name string
	hash uint32
	key  ed25519.PublicKey
	time *uint64
}

func (c cosigner) Name() string    { return c.name }
func (c cosigner) KeyHash() uint32 { return c.hash }
func (c cosigner) Verify(text, signature []byte) bool {
	if len(signature) != 8+ed25519.SignatureSize {
		return false
	}
	*c.time = binary.BigEndian.Uint64(signature)
	message := fmt.Sprintf("cosignature/v1\ntime %d\n%s", *c.time, text)
	return ed25519.Verify(c.key, []byte(message), signature[8:])
}

func newCosigner(key string) cosigner {
	parts := strings.SplitN(key, "+", 3)
	must(len(parts) == 3, "a witness key is not name+hash+base64")
	bytes, err := base64.StdEncoding.DecodeString(parts[2])
	check(err)
	must(len(bytes) == 33 && bytes[0] == 4, "a witness key is not of type 4")
	digest := sha256.Sum256(append([]byte(parts[0]+"\n"), bytes...))
	hash := binary.BigEndian.Uint32(digest[:])
	must(fmt.Sprintf("%08x", hash) == parts[1], "a witness key has another hash")
	return cosigner{parts[0], hash, ed25519.PublicKey(bytes[1:]), new(uint64)}
}

func open(directory, name string, known note.Verifiers) (tlog.Tree, *note.Note) {
	raw, err := os.ReadFile(filepath.Join(directory, name))
	check(err)
	opened, err := note.Open(raw, known)
	check(err)
	lines := strings.Split(opened.Text, "\n")
	must(len(lines) == 4 && lines[3] == "", "a checkpoint has three lines")
	size, err := strconv.ParseInt(lines[1], 10, 64)
	check(err)
	root, err := tlog.ParseHash(lines[2])
	check(err)
	must(lines[0] == opened.Sigs[0].Name, "the origin is not the name of the log's key")
	return tlog.Tree{N: size, Hash: root}, opened
}

// files reads tiles as they lie in the directory.
type files struct{ directory string }

func (f files) Height() int                        { return 8 }
func (f files) SaveTiles(_ []tlog.Tile, _ [][]byte) {}
func (f files) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range tiles {
		// The package puts the height into the path, which C2SP leaves out.
		path := strings.Replace(tile.Path(), "tile/8/", "tile/", 1)
		data, err := os.ReadFile(filepath.Join(f.directory, path))
		if err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	return all, nil
}

func hashes(texts []string) []tlog.Hash {
	found := []tlog.Hash{}
	for _, text := range texts {
		hash, err := tlog.ParseHash(text)
		check(err)
		found = append(found, hash)
	}
	return found
}

func same(ours, theirs []tlog.Hash) bool {
	if len(ours) != len(theirs) {
		return false
	}
	for position := range ours {
		if ours[position] != theirs[position] {
			return false
		}
	}
	return true
}

// entries checks that every entry of every bundle hashes to its leaf.
func entries(directory string, tree tlog.Tree, reader tlog.HashReader) int64 {
	var checked int64
	for index := int64(0); index*256 < tree.N; index++ {
		width := tree.N - index*256
		if width > 256 {
			width = 256
		}
		tile := tlog.Tile{H: 8, L: 0, N: index, W: int(width)}
		path := strings.Replace(tile.Path(), "tile/8/0/", "tile/entries/", 1)
		bundle, err := os.ReadFile(filepath.Join(directory, path))
		check(err)
		var indexes []int64
		for leaf := index * 256; leaf < index*256+width; leaf++ {
			indexes = append(indexes, tlog.StoredHashIndex(0, leaf))
		}
		leaves, err := reader.ReadHashes(indexes)
		check(err)
		for _, leaf := range leaves {
			must(len(bundle) >= 2, "a bundle ends too early")
			length := int(binary.BigEndian.Uint16(bundle))
			must(len(bundle) >= 2+length, "a bundle ends within an entry")
			must(tlog.RecordHash(bundle[2:2+length]) == leaf, "an entry does not hash to its leaf")
			bundle = bundle[2+length:]
			checked++
		}
		must(len(bundle) == 0, "a bundle has more entries than its tile")
	}
	return checked
}

func verify(directory string) map[string]interface{} {
	raw, err := os.ReadFile(filepath.Join(directory, "facts.json"))
	check(err)
	var known facts
	check(json.Unmarshal(raw, &known))
	logKey, err := note.NewVerifier(known.LogKey)
	check(err)
	verifiers := []note.Verifier{logKey}
	times := map[string]*uint64{}
	for _, key := range known.WitnessKey {
		witness := newCosigner(key)
		verifiers = append(verifiers, witness)
		times[witness.name] = witness.time
	}
	tree, opened := open(directory, "checkpoint", note.VerifierList(verifiers...))
	old, _ := open(directory, "checkpoint-old", note.VerifierList(logKey))
	must(len(opened.Sigs) == len(verifiers) && len(opened.UnverifiedSigs) == 0, "not every signature is known")
	reader := tlog.TileHashReader(tree, files{directory})
	root, err := tlog.TreeHash(tree.N, reader)
	check(err)
	must(root == tree.Hash, "the tiles lead to another root")
	root, err = tlog.TreeHash(old.N, reader)
	check(err)
	must(root == old.Hash, "the tiles lead to another root of the older checkpoint")

	raw, err = os.ReadFile(filepath.Join(directory, "proofs.json"))
	check(err)
	var ours proofs
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	check(decoder.Decode(&ours))
	for _, proof := range ours.Inclusion {
		theirs, err := tlog.ProveRecord(proof.Size, proof.Index, reader)
		check(err)
		must(same(hashes(proof.Path), theirs), "an inclusion path is another one")
		leaf, err := reader.ReadHashes([]int64{tlog.StoredHashIndex(0, proof.Index)})
		check(err)
		root, err := tlog.TreeHash(proof.Size, reader)
		check(err)
		check(tlog.CheckRecord(hashes(proof.Path), proof.Size, root, proof.Index, leaf[0]))
	}
	for _, proof := range ours.Consistency {
		theirs, err := tlog.ProveTree(proof.New, proof.Old, reader)
		check(err)
		must(same(hashes(proof.Path), theirs), "a consistency proof is another one")
		newRoot, err := tlog.TreeHash(proof.New, reader)
		check(err)
		oldRoot, err := tlog.TreeHash(proof.Old, reader)
		check(err)
		check(tlog.CheckTree(hashes(proof.Path), proof.New, newRoot, proof.Old, oldRoot))
	}
	cosigned := map[string]uint64{}
	for name, time := range times {
		cosigned[name] = *time
	}
	return map[string]interface{}{
		"size": tree.N, "root": hex.EncodeToString(tree.Hash[:]), "old": old.N, "cosigned": cosigned,
		"entries": entries(directory, tree, reader), "inclusion": len(ours.Inclusion),
		"consistency": len(ours.Consistency),
	}
}

func main() {
	defer func() {
		if reason := recover(); reason != nil {
			fmt.Fprintln(os.Stderr, reason)
			os.Exit(1)
		}
	}()
	check(json.NewEncoder(os.Stdout).Encode(verify(os.Args[1])))
}

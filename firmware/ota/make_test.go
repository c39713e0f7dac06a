package ota

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"encoding/pem"
	"sync"
	"testing"

	"salvor/firmware"
	"salvor/firmware/internal/imagetest"
	"salvor/internal/need"
)

// file is a member to be put into a zip.
type file struct {
	name   string
	data   []byte
	packed bool
}

func zipped(t testing.TB, files ...file) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, f := range files {
		h := &zip.FileHeader{Name: f.name, Method: zip.Store}
		if f.packed {
			h.Method = zip.Deflate
		}
		x, err := w.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := x.Write(f.data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// plainZip makes a zip whose headers have their numbers in front, as signapk and Info-ZIP write them.
func plainZip(t testing.TB, files ...file) []byte {
	t.Helper()
	content := map[string][]byte{}
	args := []string{"-X", "-q", "-0", "out.zip"}
	for _, f := range files {
		content[f.name] = f.data
		args = append(args, f.name)
	}
	dir := imagetest.Folder(t, content)
	imagetest.Pipe(t, dir, nil, "zip", args...)
	return imagetest.File(t, dir, "out.zip")
}

var (
	makeSigner sync.Once
	signer     [2]map[string][]byte // key and certificate, as PEM
)

// signers returns two certificates with their keys.
func signers(t testing.TB) (a, b map[string][]byte) {
	t.Helper()
	makeSigner.Do(func() {
		for i, name := range []string{"maker", "other"} {
			dir := t.TempDir()
			imagetest.Pipe(t, dir, nil, "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key", "-out", "cert", "-subj", "/CN="+name, "-days", "3650")
			signer[i] = map[string][]byte{"key": imagetest.File(t, dir, "key"), "cert": imagetest.File(t, dir, "cert")}
		}
	})
	if signer[1] == nil {
		need.Lacking(t, "openssl made no certificates")
	}
	return signer[0], signer[1]
}

// signed puts a signature over the whole zip into its comment.
func signed(t testing.TB, p []byte, by map[string][]byte) []byte {
	t.Helper()
	body := p[:len(p)-2] // without the size of the comment
	dir := imagetest.Folder(t, map[string][]byte{"data": body, "key": by["key"], "cert": by["cert"]})
	imagetest.Pipe(t, dir, nil, "openssl", "cms", "-sign", "-binary", "-noattr", "-md", "sha256", "-in", "data", "-signer", "cert", "-inkey", "key", "-outform", "DER", "-out", "sig")
	sig := imagetest.File(t, dir, "sig")
	comment := append([]byte(signText), sig...)
	comment = binary.LittleEndian.AppendUint16(comment, uint16(len(sig)+footerSize))
	comment = append(comment, 0xFF, 0xFF)
	comment = binary.LittleEndian.AppendUint16(comment, uint16(len(comment)+2))
	out := binary.LittleEndian.AppendUint16(bytes.Clone(body), uint16(len(comment)))
	return append(out, comment...)
}

func key(t testing.TB, name string, of map[string][]byte) firmware.Key {
	t.Helper()
	if b, _ := pem.Decode(of["cert"]); b == nil {
		t.Fatal("no certificate")
	}
	k, err := firmware.ParseKeys(name, of["cert"])
	if err != nil {
		t.Fatal(err)
	}
	return k[0]
}

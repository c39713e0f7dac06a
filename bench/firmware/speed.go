package main

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// large are files of some 200 MB: what packages and images look like by their size.
var large = []struct{ name, script string }{
	{"RAUC bundle, verity", `rm -rf big out.raucb; mkdir big; head -c 200000000 /dev/urandom >big/rootfs.img
printf '[update]\ncompatible=acme,board-3\nversion=4.2\n[bundle]\nformat=verity\n[image.rootfs]\nfilename=rootfs.img\n' >big/manifest.raucm
rauc --cert dev.crt --key dev.key bundle big out.raucb && rm -r big && mv out.raucb out`},
	{"OTA zip with images", ""},
	{"squashfs, gzip", `rm -rf big out; mkdir big; for i in $(seq 1100); do cat kernel; head -c 40000 /dev/urandom; done | split -b 40000000 - big/part.; mksquashfs big out -quiet -no-progress -comp gzip -Xcompression-level 1; rm -r big`},
}

// measureSpeed holds salvor check against sha256sum of the same file, in turns.
func (w *workshop) measureSpeed(out io.Writer, salvor string, rounds int) error {
	fmt.Fprint(out, "| file | MB | salvor check, s | sha256sum, s | ratio |\n|---|---:|---:|---:|---:|\n")
	for _, l := range large {
		if l.script == "" {
			if err := w.write("out", otaZip(200_000_000)); err != nil {
				return err
			}
		} else if said, err := w.sh(l.script, ""); err != nil {
			return fmt.Errorf("%s: %w: %s", l.name, err, said)
		}
		info, err := os.Stat(w.path("out"))
		if err != nil {
			return err
		}
		var ours, theirs []time.Duration
		var ratio []float64
		for range rounds {
			begun := time.Now()
			_ = exec.Command(salvor, "check", w.path("out")).Run() // it ends with 10: no key, no device
			ours = append(ours, time.Since(begun))
			begun = time.Now()
			if err := exec.Command("sha256sum", w.path("out")).Run(); err != nil {
				return err
			}
			theirs = append(theirs, time.Since(begun))
			ratio = append(ratio, ours[len(ours)-1].Seconds()/theirs[len(theirs)-1].Seconds())
		}
		fmt.Fprintf(out, "| %s | %.0f | %.2f | %.2f | %.1f |\n", l.name, float64(info.Size())/1e6, median(ours).Seconds(), median(theirs).Seconds(), median(ratio))
	}
	return os.Remove(w.path("out"))
}

// otaZip is a zip with images, as factory images of Android are: one stored, one packed, and a list of their sums.
func otaZip(size int) []byte {
	var b, list bytes.Buffer
	z := zip.NewWriter(&b)
	add := func(name string, method uint16, p []byte) {
		sum := sha256.Sum256(p)
		fmt.Fprintf(&list, "%s  %s\n", hex.EncodeToString(sum[:]), name)
		if f, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: method}); err == nil {
			_, _ = f.Write(p) // into memory
		}
	}
	add("system.img", zip.Store, noise(size*3/4, 31))
	add("vendor.img", zip.Deflate, kernel(size/2))
	add("SHA256SUMS", zip.Deflate, list.Bytes())
	_ = z.Close() // into memory
	return b.Bytes()
}

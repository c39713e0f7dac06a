package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

var allKinds = []string{"ext4", "fat32", "exfat", "ntfs", "hfsplus"}

// tools that make each kind.
var tools = map[string][]string{
	"ext4":    {"mke2fs"},
	"fat32":   {"mkfs.vfat", "mcopy"},
	"exfat":   {"mkfs.exfat", "mount.exfat-fuse", "losetup", "fuser"},
	"ntfs":    {"mkntfs", "ntfs-3g", "fusermount", "fuser"},
	"hfsplus": {"xorriso"},
}

func missingTools(kind string) (missing []string) {
	for _, t := range tools[kind] {
		if _, err := exec.LookPath(t); err != nil {
			missing = append(missing, t)
		}
	}
	return missing
}

// volume is an image with one volume.
type volume struct {
	kind, path string
	offset     int64 // of the volume, in bytes
	size       int64
}

// content is what stands on each volume: the SHA-256 of files by their paths.
type content struct {
	sums  map[string]string
	bytes int64
}

// populate writes files into folders, so that they take about half of mib, and returns their SHA-256 by path.
func populate(root string, files int, mib int64, seed uint64) (content, error) {
	known := content{sums: map[string]string{}}
	rnd := rand.New(rand.NewPCG(seed, 4))
	mean := max(mib<<20*55/100/int64(files), 1000)
	var key [32]byte
	key[0] = byte(seed)
	noise := rand.NewChaCha8(key)
	for i := range files {
		folder := fmt.Sprintf("%d/%02d", 2020+i%7, i/100%30)
		size := 1 + rnd.Int64N(mean)/8
		if i%4 == 0 {
			size += rnd.Int64N(7 * mean)
		}
		b := make([]byte, size)
		_, _ = noise.Read(b)
		path := fmt.Sprintf("%s/Recording %05d of the day.dat", folder, i)
		if err := os.MkdirAll(filepath.Join(root, folder), 0o755); err != nil {
			return known, err
		}
		if err := os.WriteFile(filepath.Join(root, path), b, 0o644); err != nil {
			return known, err
		}
		sum := sha256.Sum256(b)
		known.sums[path] = hex.EncodeToString(sum[:])
		known.bytes += size
	}
	return known, nil
}

func run(name string, args ...string) error {
	cmd := exec.Command(name, args...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(cmd.Args, " "), err, out)
	}
	return nil
}

// make1 makes the volume of a kind with the files of tree.
func make1(kind, dir, tree string, mib int64) (volume, error) {
	v := volume{kind: kind, path: filepath.Join(dir, kind+".img"), size: mib << 20}
	f, err := os.Create(v.path)
	if err != nil {
		return v, err
	}
	if err := errors.Join(f.Truncate(v.size), f.Close()); err != nil {
		return v, err
	}
	mnt := filepath.Join(dir, "mnt")
	if err := os.MkdirAll(mnt, 0o700); err != nil {
		return v, err
	}
	switch kind {
	case "ext4":
		err = run("mke2fs", "-q", "-F", "-t", "ext4", "-d", tree, v.path)
	case "fat32":
		if err = run("mkfs.vfat", "-F", "32", "-s", "1", v.path); mib >= 300 {
			err = run("mkfs.vfat", "-F", "32", "-s", "8", v.path)
		}
		if err == nil {
			err = topLevel(tree, func(path string) error { return run("mcopy", "-s", "-i", v.path, path, "::") })
		}
	case "exfat":
		err = v.exfat(tree, mnt)
	case "ntfs":
		if err = run("mkntfs", "-Q", "-F", "-q", v.path); err == nil {
			err = run("ntfs-3g", v.path, mnt)
		}
		if err == nil {
			err = errors.Join(run("cp", "-r", tree+"/.", mnt), run("fusermount", "-u", mnt))
			released(v.path)
		}
	case "hfsplus":
		if err = os.Remove(v.path); err == nil {
			err = run("xorriso", "-outdev", "stdio:"+v.path, "-volid", "BENCH", "-hfsplus", "on", "-map", tree, "/")
		}
		if err == nil {
			v.offset, v.size, err = hfsplusAt(v.path)
		}
	}
	return v, err
}

func (v volume) exfat(tree, mnt string) error {
	if err := run("mkfs.exfat", v.path); err != nil {
		return err
	}
	out, err := exec.Command("losetup", "-f", "--show", v.path).Output()
	if err != nil {
		return err
	}
	loop := strings.TrimSpace(string(out))
	if err = run("mount.exfat-fuse", loop, mnt); err == nil {
		err = errors.Join(run("cp", "-r", tree+"/.", mnt), run("umount", mnt))
		released(loop)
	}
	return errors.Join(err, run("losetup", "-d", loop))
}

// released waits until no process holds a file: a FUSE server writes on after its file system is unmounted.
func released(path string) {
	for range 300 {
		if exec.Command("fuser", "-s", path).Run() != nil {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func topLevel(tree string, do func(path string) error) error {
	list, err := os.ReadDir(tree)
	for _, e := range list {
		err = errors.Join(err, do(filepath.Join(tree, e.Name())))
	}
	return err
}

// hfsplusAt finds the volume in a hybrid image: it has no partition table that names it.
func hfsplusAt(path string) (offset, size int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	head := make([]byte, 64<<20)
	n, err := f.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, 0, err
	}
	for at := 1024; at+512 <= n; at += 512 {
		h := head[at:]
		if bytes.HasPrefix(h, []byte("H+\x00\x04")) {
			be := func(i int) int64 { return int64(h[i])<<24 | int64(h[i+1])<<16 | int64(h[i+2])<<8 | int64(h[i+3]) }
			return int64(at) - 1024, be(40) * be(44), nil
		}
	}
	return 0, 0, errors.New("no HFS+ volume header")
}

package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// file is one whose content is known.
type file struct {
	path   string
	size   int64
	sha256 string
}

// recipe says how an image is made.
type recipe struct {
	name    string
	size    string   // as truncate takes it
	mke2fs  []string // options
	files   int
	aged    bool    // so much is written behind the files that the journal forgets how they were made
	remove  float64 // share of the files that are removed
	after   float64 // metadata written behind that, in journal sizes
	journal int64   // bytes
	lost    int64   // bytes at the start that are overwritten
	filler  string  // size of a file that keeps the start of the volume free of others while they are written
	churn   bool    // files are written over each other; there is no truth but what no file ever held
}

// made is an image with what is known of it.
type made struct {
	path          string
	live, deleted []file
	buried        []file  // removed with a folder that holds their own
	logged        float64 // metadata really written behind the deletion, in journal sizes
}

func run(name string, args ...string) (string, error) {
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, out)
	}
	return string(out), nil
}

// flush makes the kernel commit and write what it holds of one volume.
func flush(root string) error {
	_, err := run("sync", "-f", root)
	return err
}

// mounted calls work with the image mounted by the kernel, and unmounts it.
func mounted(image, dir string, work func(root, device string) error) error {
	if _, err := run("mount", "-o", "loop", image, dir); err != nil {
		return err
	}
	device, err := run("findmnt", "-n", "-o", "SOURCE", dir)
	if err == nil {
		err = work(dir, strings.TrimSpace(device))
	}
	if _, umount := run("umount", dir); err == nil {
		err = umount
	}
	return err
}

// build makes an image: files are written, some are removed, and metadata is written behind that.
func build(dir string, r recipe, seed uint64) (*made, error) {
	m := &made{path: filepath.Join(dir, r.name+".img")}
	os.Remove(m.path)
	if _, err := run("truncate", "-s", r.size, m.path); err != nil {
		return nil, err
	}
	if _, err := run("mke2fs", append(append([]string{"-q", "-F"}, r.mke2fs...), m.path)...); err != nil {
		return nil, err
	}
	mnt := filepath.Join(dir, "mnt")
	if err := os.MkdirAll(mnt, 0o700); err != nil {
		return nil, err
	}
	rnd := rand.New(rand.NewPCG(seed, 7))
	var all []file
	if err := mounted(m.path, mnt, func(root, device string) (err error) {
		filler := filepath.Join(root, "filler")
		if r.filler != "" {
			if _, err := run("fallocate", "-l", r.filler, filler); err != nil {
				return err
			}
		}
		if all, err = populate(root, r.files, rnd); err != nil {
			return err
		}
		if r.filler != "" {
			if err := os.Remove(filler); err != nil {
				return err
			}
		}
		if err := flush(root); err != nil {
			return err
		}
		if r.aged {
			_, err = churn(root, device, r.journal, 1.5)
		}
		return err
	}); err != nil {
		return nil, err
	}
	err := mounted(m.path, mnt, func(root, device string) error {
		folders := map[string]bool{}
		for _, f := range all {
			folders[filepath.Dir(f.path)] = true
		}
		names := make([]string, 0, len(folders))
		for f := range folders {
			names = append(names, f)
		}
		slices.Sort(names)
		// One folder in six goes as a whole, the rest of the share file by file.
		gone := map[string]bool{}
		if r.remove > 0 {
			for i, f := range names {
				if i%6 == 5 && f != "." {
					gone[f] = true
				}
			}
		}
		for _, f := range all {
			folder := filepath.Dir(f.path)
			switch {
			case gone[folder]:
				m.deleted = append(m.deleted, f)
			case rnd.Float64() < r.remove:
				m.deleted = append(m.deleted, f)
				if err := os.Remove(filepath.Join(root, f.path)); err != nil {
					return err
				}
			default:
				m.live = append(m.live, f)
			}
		}
		for f := range gone {
			if err := os.RemoveAll(filepath.Join(root, f)); err != nil {
				return err
			}
		}
		m.live = slices.DeleteFunc(m.live, func(f file) bool {
			_, err := os.Lstat(filepath.Join(root, f.path))
			if os.IsNotExist(err) {
				m.buried = append(m.buried, f)
			}
			return os.IsNotExist(err)
		})
		err := flush(root)
		if err != nil {
			return err
		}
		m.logged, err = churn(root, device, r.journal, r.after)
		return err
	})
	return m, err
}

// populate writes files in folders in each other, of all sizes, some of them in pieces.
func populate(root string, count int, rnd *rand.Rand) ([]file, error) {
	var out []file
	var folders []string
	for i := range max(count/15, 1) {
		name := fmt.Sprintf("folder %02d", i)
		if len(folders) > 0 && rnd.IntN(3) > 0 {
			name = filepath.Join(folders[rnd.IntN(len(folders))], name)
		}
		folders = append(folders, name)
		if err := os.MkdirAll(filepath.Join(root, name), 0o755); err != nil {
			return nil, err
		}
	}
	for i := range count {
		size := []int64{300, 3000, 40000, 200000, 700000}[rnd.IntN(5)]
		size += rnd.Int64N(size)
		b := make([]byte, size)
		r := rand.NewChaCha8([32]byte{byte(i), byte(i >> 8), byte(rnd.Uint32())})
		_, _ = r.Read(b)
		f := file{path: filepath.Join(folders[rnd.IntN(len(folders))], fmt.Sprintf("photo %04d.dat", i)), size: size}
		sum := sha256.Sum256(b)
		f.sha256 = hex.EncodeToString(sum[:])
		if err := write(filepath.Join(root, f.path), b, i%40 == 7); err != nil {
			return nil, err
		}
		if err := keepContent(f.sha256, b); err != nil {
			return nil, err
		}
		out = append(out, f)
		if i%40 == 39 {
			if err := flush(root); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// write writes a file; in pieces, which take places apart from each other.
func write(path string, b []byte, pieces bool) error {
	if !pieces {
		return os.WriteFile(path, b, 0o644)
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	const piece = 32 << 10
	for step := range 2 {
		for at := step * piece; at < len(b); at += 2 * piece {
			if _, err := f.WriteAt(b[at:min(at+piece, len(b))], int64(at)); err != nil {
				return err
			}
			if err := f.Sync(); err != nil {
				return err
			}
		}
	}
	return nil
}

// churn makes the kernel write metadata of files that stay, sizes journal sizes of it, and answers how much it
// was.
func churn(root, device string, journal int64, sizes float64) (float64, error) {
	if sizes <= 0 {
		return 0, nil
	}
	var live []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && path != root {
			live = append(live, path)
		}
		return err
	})
	if err != nil {
		return 0, err
	}
	start, err := written(device)
	if err != nil {
		return 0, err
	}
	for round := 0; ; round++ {
		for _, p := range live {
			if err := os.Chmod(p, []fs.FileMode{0o755, 0o700}[round%2]); err != nil {
				return 0, err
			}
		}
		if err := flush(root); err != nil {
			return 0, err
		}
		now, err := written(device)
		if err != nil {
			return 0, err
		}
		if done := float64(now-start) / float64(journal); done >= sizes || round > 2000 {
			return done, nil
		}
	}
}

// written returns the bytes that were written into the journal of a mounted volume: the kernel tells the number
// of transactions, and the blocks of one on the average.
func written(device string) (int64, error) {
	b, err := os.ReadFile("/proc/fs/jbd2/" + filepath.Base(device) + "-8/info")
	if err != nil {
		return 0, err
	}
	var transactions, blocks int64
	for _, line := range strings.Split(string(b), "\n") {
		line = strings.TrimSpace(line)
		if strings.Contains(line, " transactions (") {
			_, _ = fmt.Sscanf(line, "%d", &transactions)
		}
		if strings.HasSuffix(line, "logged blocks per transaction") {
			_, _ = fmt.Sscanf(line, "%d", &blocks)
		}
	}
	return transactions * blocks * 4096, nil
}

// standing splits files by whether all of their content stands behind the first bytes of an image.
func standing(dir, image string, list []file, first int64) (behind, hit []file, err error) {
	var script strings.Builder
	for _, f := range list {
		fmt.Fprintf(&script, "blocks \"/%s\"\n", f.path)
	}
	commands := filepath.Join(dir, "commands")
	if err := os.WriteFile(commands, []byte(script.String()), 0o600); err != nil {
		return nil, nil, err
	}
	out, err := exec.Command("debugfs", "-f", commands, image).Output()
	if err != nil {
		return nil, nil, err
	}
	var answers []string
	for _, line := range strings.Split(string(out), "\n") {
		if !strings.HasPrefix(line, "debugfs:") && strings.TrimSpace(line) != "" {
			answers = append(answers, line)
		}
	}
	if len(answers) != len(list) {
		return nil, nil, fmt.Errorf("debugfs answers for %d of %d files", len(answers), len(list))
	}
	for i, f := range list {
		lost := false
		for _, n := range strings.Fields(answers[i]) {
			var b int64
			if _, err := fmt.Sscan(n, &b); err == nil && b > 0 && b*4096 < first {
				lost = true
			}
		}
		if lost {
			hit = append(hit, f)
		} else {
			behind = append(behind, f)
		}
	}
	return behind, hit, nil
}

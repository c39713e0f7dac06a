package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
)

// churned makes an image on which files are written, changed, renamed and removed over each other, so that
// most of what is deleted is overwritten too. It answers all contents that any file ever had.
func churned(dir string, r recipe, seed uint64) (*made, error) {
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
	c := &churner{root: mnt, rnd: rand.New(rand.NewPCG(seed, 11)), m: m}
	for range 4 {
		if err := mounted(m.path, mnt, func(string, string) error { return c.steps(r.files / 4) }); err != nil {
			return nil, err
		}
	}
	return m, nil
}

type churner struct {
	root  string
	rnd   *rand.Rand
	m     *made
	live  []string
	sizes int64
	count int
}

func (c *churner) note(path string) error {
	b, err := os.ReadFile(path)
	sum := sha256.Sum256(b)
	c.m.live = append(c.m.live, file{path: path, size: int64(len(b)), sha256: hex.EncodeToString(sum[:])})
	return err
}

func (c *churner) bytes(n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{byte(c.count), byte(c.count >> 8), byte(n), byte(n >> 8), byte(c.rnd.Uint32())})
	_, _ = r.Read(b)
	return b
}

func (c *churner) drop(i int) error {
	info, err := os.Stat(c.live[i])
	if err == nil {
		c.sizes -= info.Size()
		err = os.Remove(c.live[i])
	}
	c.live = slices.Delete(c.live, i, i+1)
	return err
}

func (c *churner) steps(n int) error {
	for range n {
		c.count++
		var err error
		i := 0
		if len(c.live) > 0 {
			i = c.rnd.IntN(len(c.live))
		}
		switch x := c.rnd.IntN(100); {
		case x < 50 || len(c.live) < 10:
			path := filepath.Join(c.root, fmt.Sprintf("folder %d", c.rnd.IntN(8)), fmt.Sprintf("file %d", c.count))
			b := c.bytes([]int{500, 5000, 50000, 200000, 600000}[c.rnd.IntN(5)] + c.rnd.IntN(4096))
			if err = os.MkdirAll(filepath.Dir(path), 0o755); err == nil {
				err = os.WriteFile(path, b, 0o644)
			}
			c.sizes += int64(len(b))
			c.live = append(c.live, path)
		case x < 80:
			err = c.drop(i)
		case x < 90:
			to := filepath.Join(filepath.Dir(c.live[i]), fmt.Sprintf("renamed %d", c.count))
			err = os.Rename(c.live[i], to)
			c.live[i] = to
		default:
			// Written anew, or made longer; never changed in place.
			flag := os.O_APPEND
			if x < 95 {
				flag = os.O_TRUNC
			}
			var f *os.File
			if f, err = os.OpenFile(c.live[i], os.O_WRONLY|flag, 0); err == nil {
				_, err = f.Write(c.bytes(1 + c.rnd.IntN(60000)))
				f.Close()
			}
			if err == nil {
				err = c.note(c.live[i])
			}
		}
		if err == nil && len(c.live) > 0 && c.count > 0 {
			err = c.note(c.live[len(c.live)-1])
		}
		for err == nil && c.sizes > 40<<20 {
			err = c.drop(c.rnd.IntN(len(c.live)))
		}
		if err == nil && c.rnd.IntN(7) == 0 {
			err = flush(c.root)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

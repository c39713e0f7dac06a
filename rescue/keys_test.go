package rescue

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"salvor/block"
	"salvor/finding"
	"salvor/internal/need"
	"salvor/layers"
	"salvor/volume"
)

// offered lists what keys offer for a lock that needs these kinds.
func offered(ctx context.Context, k *Keys, kinds ...volume.SecretKind) []string {
	l := volume.Locked{Lock: "fake"}
	for _, kind := range kinds {
		l.Needs = append(l.Needs, volume.Need{Kind: kind})
	}
	var out []string
	for s := range k.Secrets(ctx, l) {
		text := string(s.Kind) + ":" + string(s.Bytes)
		if s.Header != nil {
			text += "+header"
		}
		out = append(out, text)
	}
	return out
}

func TestKeys(t *testing.T) {
	ctx := t.Context()
	k := &Keys{}
	if !k.Empty() || k.Header() != nil || offered(ctx, k, volume.Passphrase) != nil {
		t.Error("nothing was given")
	}
	given := []byte("open")
	k.Add(volume.Secret{Kind: volume.Passphrase, Bytes: given}, volume.Secret{Kind: volume.KeyFile, Bytes: []byte("file")})
	if got := fmt.Sprint(offered(ctx, k, volume.Passphrase)); got != "[passphrase:open]" {
		t.Error(got)
	}
	if got := offered(ctx, k, volume.RecoveryKey); got != nil {
		t.Error(got)
	}
	// With a header every secret is tried by itself and with it, also where the header that is there says of no secret.
	more := &Keys{}
	more.AddHeader(block.Bytes([]byte("header")))
	k.Take(more)
	if got := fmt.Sprint(offered(ctx, k, volume.HeaderFile)); got != "[passphrase:open passphrase:open+header key-file:file key-file:file+header]" || !more.Empty() {
		t.Error(got)
	}
	for s := range k.Secrets(ctx, volume.Locked{Needs: []volume.Need{{Kind: volume.Passphrase}}}) {
		clear(s.Bytes) // what is handed out is a copy
		break
	}
	if string(given) != "open" {
		t.Error("what was handed out was the secret itself")
	}
	if got := fmt.Sprintf("%v %+v", k.given, k.given[0]); strings.Contains(got, "open") {
		t.Error(got)
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if got := offered(ended, k, volume.Passphrase); got != nil {
		t.Error(got)
	}
	k.Forget()
	if !k.Empty() || string(given) == "open" {
		t.Error("it is still known")
	}
}

func TestOneLine(t *testing.T) {
	for text, want := range map[string]string{"a b\n": "a b", "a\r\n": "a", "\ufeffa": "a", "\xff\xfea\x00\n\x00": "a", "\xfe\xff\x00a\xd8\x3d\xde\x00": "a😀", " a ": " a "} {
		if got, err := OneLine([]byte(text)); err != nil || string(got) != want {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "\n", "\r\n", "\ufeff"} {
		if _, err := OneLine([]byte(text)); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

// lockedImage makes an encrypted image with a file in it, which opens with "sesame".
func lockedImage(t *testing.T) string {
	t.Helper()
	need.Tools(t, "cryptsetup", "mke2fs")
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	must(t, os.MkdirAll(path("tree"), 0o755))
	must(t, os.WriteFile(path("tree/hello.txt"), []byte(strings.Repeat("hello\n", 1000)), 0o600))
	must(t, os.WriteFile(path("key"), []byte("sesame"), 0o600))
	for _, args := range [][]string{{"mke2fs", "-q", "-t", "ext4", "-L", "inner", "-d", path("tree"), path("disk.img"), "8M"}, {"truncate", "-s", "12M", path("disk.img")},
		{"cryptsetup", "reencrypt", "--encrypt", "-q", "--type", "luks2", "--reduce-device-size", "4M", "--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000", "--key-file", path("key"), path("disk.img")}} {
		if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
	}
	return path("disk.img")
}

func sesame() *Keys {
	k := &Keys{}
	k.Add(volume.Secret{Kind: volume.Passphrase, Bytes: []byte("sesame")})
	return k
}

// states lists the kinds of volumes with their states.
func states(trees []*layers.Layer) string {
	var out []string
	for _, tree := range trees {
		for _, v := range tree.Volumes() {
			out = append(out, v.Kind+" "+string(v.State))
		}
	}
	return strings.Join(out, ", ")
}

// TestTryingSecrets looks once, and tries secrets without searching again; a case tells what a secret opens without its
// source.
func TestTryingSecrets(t *testing.T) {
	image := lockedImage(t)
	ctx := t.Context()
	first, err := Look(ctx, []string{image}, LookOptions{})
	must(t, err)
	if got := states(first.Trees); got != "luks locked" || !first.Whole {
		t.Fatal(got)
	}
	searches := 0
	progress := func(int64, int64) { searches++ }
	wrong, err := Look(ctx, []string{image}, LookOptions{Earlier: first, Progress: progress, Keys: &Keys{given: []volume.Secret{{Kind: volume.Passphrase, Bytes: []byte("open")}}}})
	must(t, err)
	if got := states(wrong.Trees); got != "luks locked" || searches != 0 || wrong.Size != first.Size || wrong.Searched != first.Searched || !wrong.Whole {
		t.Errorf("%s, %d pieces were searched again", got, searches)
	}
	refused := slices.ContainsFunc(wrong.Trees[0].Volumes()[0].Findings, func(f finding.Finding) bool { return f.Code == layers.NotUnlocked })
	if !refused {
		t.Error("it is not said that the secret is wrong")
	}
	right, err := Look(ctx, []string{image}, LookOptions{Earlier: first, Keys: sesame()})
	must(t, err)
	fresh, err := Look(ctx, []string{image}, LookOptions{Keys: sesame()})
	must(t, err)
	if got, want := states(right.Trees), states(fresh.Trees); got != want || got != "luks good, ext4 good" || right.Searched != fresh.Searched {
		t.Errorf("%s, a look from its beginning says %s", got, want)
	}

	dir := filepath.Join(t.TempDir(), "case")
	r, err := Run(ctx, Options{Source: image, Case: dir, Copy: true, Program: "salvor test"}, unheard{}, quietLog())
	must(t, err)
	if r.Exit != ExitLocked {
		t.Fatalf("%+v", r)
	}
	must(t, os.Remove(image))
	for _, tt := range []struct {
		keys *Keys
		want string
	}{{&Keys{}, "luks locked"}, {sesame(), "luks good"}} {
		c, err := OpenCase(dir, "salvor test")
		must(t, err)
		c.Keys = tt.keys
		trees, err := c.Trees(ctx)
		if got := states(trees); err != nil || got != tt.want {
			t.Errorf("%s, %v; expected %s", got, err, tt.want)
		}
		must(t, c.Close())
	}
}

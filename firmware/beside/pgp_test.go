package beside

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"salvor/firmware"
	"salvor/firmware/firmwaretest"
	"salvor/internal/need"
)

// TestOpenPGP signs a package and lists of sums with gpg.
func TestOpenPGP(t *testing.T) {
	need.Tools(t, "gpg")
	home, err := os.MkdirTemp("", "gpg") // short, since gpg makes a socket in it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		exec.Command("gpgconf", "--homedir", home, "--kill", "all").Run()
		os.RemoveAll(home)
	})
	gpg := func(stdin []byte, args ...string) []byte {
		cmd := exec.Command("gpg", append([]string{"--homedir", home, "--batch", "--no-tty", "--quiet", "--pinentry-mode", "loopback", "--passphrase", ""}, args...)...)
		var text bytes.Buffer
		cmd.Stdin, cmd.Stderr = bytes.NewReader(stdin), &text
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("gpg %v: %v\n%s", args, err, text.Bytes())
		}
		return out
	}
	gpg(nil, "--quick-generate-key", "maker", "ed25519", "sign", "never")
	keys, err := firmware.ParseKeys(filepath.Base("maker.gpg"), gpg(nil, "--export", "maker"))
	if err != nil {
		t.Fatal(err)
	}
	image := firmwaretest.Noise(2000, 4)
	list := fmt.Appendf(nil, "%x  a.bin\n", sha256.Sum256(image))
	other := fmt.Appendf(nil, "%x  a.bin\n", sha256.Sum256(image[1:]))
	for _, tt := range []struct {
		name  string
		files []File
		want  firmware.State
	}{
		{"armoured", []File{{Name: "a.bin.asc", Data: gpg(image, "--armor", "--detach-sign")}}, firmware.Passed},
		{"binary", []File{{Name: "a.bin.sig", Data: gpg(image, "--detach-sign")}}, firmware.Passed},
		{"another file", []File{{Name: "a.bin.asc", Data: gpg(image[1:], "--armor", "--detach-sign")}}, firmware.Failed},
		{"list", []File{{Name: "SHA256SUMS", Data: list}, {Name: "SHA256SUMS.gpg", Data: gpg(list, "--detach-sign")}}, firmware.Passed},
		{"list of another build", []File{{Name: "SHA256SUMS", Data: other}, {Name: "SHA256SUMS.gpg", Data: gpg(other, "--detach-sign")}}, firmware.Failed},
		{"list in its signature", []File{{Name: "sha256sums.asc", Data: gpg(list, "--clearsign")}}, firmware.Passed},
		{"another list in its signature", []File{{Name: "sha256sums.asc", Data: gpg(other, "--clearsign")}}, firmware.Failed},
	} {
		p := check(t, image, tt.files, keys...)
		if len(p.Signatures) != 1 || p.Signatures[0].State != tt.want {
			t.Errorf("%s: %+v", tt.name, p.Signatures)
		}
		for _, f := range tt.files {
			if !slices.Contains(Names("a.bin"), f.Name) {
				t.Errorf("%s is not asked for", f.Name)
			}
		}
		if p = check(t, image, tt.files); len(p.Signatures) != 1 || p.Signatures[0].State == firmware.Passed {
			t.Errorf("%s without a key: %+v", tt.name, p.Signatures)
		}
	}
}

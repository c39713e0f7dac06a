package ui

import (
	"bytes"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"salvor/block"
	"salvor/internal/need"
	"salvor/internal/wire"
	"salvor/layers"
	"salvor/rescue"
	"salvor/volume"
)

const (
	rightPhrase = "the phrase that opens 14"
	wrongPhrase = "another phrase altogether"
)

// lockedDisk makes a LUKS disk with a file system in it.
func lockedDisk(t *testing.T, dir string) {
	t.Helper()
	need.Tools(t, "cryptsetup", "mke2fs")
	write := func(name, text string) {
		at := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("tree/DCIM/holiday.txt", strings.Repeat("a line about the holiday\n", 400))
	write("key", rightPhrase)
	write("keys/phrase.txt", rightPhrase+"\r\n")
	write("keys/junk.bin", "junk"+rightPhrase+"junk")
	disk := filepath.Join(dir, "locked.img")
	run := func(name string, args ...string) {
		if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", name, err, out)
		}
	}
	run("mke2fs", "-q", "-t", "ext4", "-L", "secret", "-d", filepath.Join(dir, "tree"), disk, "12M")
	if err := os.Truncate(disk, 16<<20); err != nil {
		t.Fatal(err)
	}
	run("cryptsetup", "reencrypt", "--encrypt", "-q", "--type", "luks2", "--reduce-device-size", "4M", "--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000",
		"--cipher", "aes-xts-plain64", "--key-file", filepath.Join(dir, "key"), disk)
	for _, gone := range []string{"tree", "key"} {
		if err := os.RemoveAll(filepath.Join(dir, gone)); err != nil {
			t.Fatal(err)
		}
	}
}

// nowhere holds that no file below these folders holds these words.
func nowhere(t *testing.T, words string, dirs ...string) {
	t.Helper()
	for _, dir := range dirs {
		if err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			b, err := os.ReadFile(path)
			if bytes.Contains(b, []byte(words)) {
				t.Errorf("%s holds the secret", path)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
}

// TestUnlock gives wrong secrets and the right one for a locked disk, saves what is in it, and is asked again by the next
// start of the program.
func TestUnlock(t *testing.T) {
	dir := home(t)
	lockedDisk(t, dir)
	state, folder := filepath.Join(dir, "state"), filepath.Join(dir, "case")
	s := serve(t, Options{State: state})
	b := open(t, s)
	source := filepath.Join(dir, "locked.img")
	b.get("/look?" + s.sourceQuery([]string{source}))
	b.wait()
	b.must("What is on it is locked", "Open what is locked", "its password", "its key file", "What is locked, without its password or key.", "There is no way around a lock")
	try := func(fill url.Values) {
		t.Helper()
		b.post("/unlock", fill)
		if strings.Contains(b.at, "secret") || strings.Contains(b.at, "phrase") {
			t.Errorf("the secret stands in the address %s", b.at)
		}
		b.wait()
		for _, words := range []string{rightPhrase, wrongPhrase} {
			if strings.Contains(b.page, words) {
				t.Errorf("the page shows the secret: %s", b.page)
			}
		}
	}
	try(url.Values{"secret": {wrongPhrase}})
	b.must("That does not open it.", "Open what is locked", `name="secret"`)
	try(nil)
	b.must("No password and no file was given")
	b.get("/look?" + s.sourceQuery([]string{source}))
	try(url.Values{"secret": {rightPhrase}})
	b.must("That opens it.", "It can be read, and everything on it that was found is in order", "secret", "Area with files")
	if strings.Contains(b.page, `name="secret"`) {
		t.Error("it is asked once more")
	}
	b.link("Save its files")
	b.post("/copy", url.Values{"name": {"case"}, "copy": {"1"}})
	job := b.at
	b.wait()
	b.must("files (", "saved in case")
	c, err := rescue.OpenCase(folder, "salvor test")
	if err != nil {
		t.Fatal(err)
	}
	list, err := c.Entry(t.Context(), "DCIM/holiday.txt")
	if err != nil || len(list) != 1 || list[0].SavedAs == "" {
		t.Errorf("%v, %v", list, err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	for _, words := range []string{rightPhrase, wrongPhrase} {
		nowhere(t, words, state, folder)
	}
	b.get(job)
	if strings.Contains(b.page, "once more") {
		t.Error("it is asked for what is known")
	}

	// The next start of the program knows the case, and not the secret.
	again := serve(t, Options{State: state})
	b = open(t, again)
	key := again.known.all()[0].Key()
	b.get("/case/" + key)
	b.link("needs its password or key once more")
	b.must("It is never written down", `name="secret"`)
	try(url.Values{"secret": {wrongPhrase}})
	b.must("That does not open it.")
	// By files, chosen where the pages lead to.
	b.link("Choose a key file")
	b.link("keys")
	b.link("phrase.txt")
	b.must("phrase.txt")
	try(nil)
	b.must("That opens it.", "Go on and save what is in it")
	b.post("/case/"+key+"/resume", nil)
	b.wait()
	b.must("saved in case")
	nowhere(t, rightPhrase, state, folder)
}

// TestUnlockByFile gives a part of a file as the key, and files that are none.
func TestUnlockByFile(t *testing.T) {
	dir := home(t)
	lockedDisk(t, dir)
	s := serve(t, Options{})
	b := open(t, s)
	look := "/look?" + s.sourceQuery([]string{filepath.Join(dir, "locked.img")})
	b.get(look)
	b.wait()
	file := func(name string) string {
		return look + "&keyfile=" + url.QueryEscape(s.seal.ticket("keyfile", filepath.Join(dir, "keys", name)))
	}
	for name, tt := range map[string]struct {
		file string
		fill url.Values
		says string
	}{
		"whole":        {"junk.bin", nil, "That does not open it."},
		"no number":    {"junk.bin", url.Values{"skip": {"-4"}}, "That is no number of bytes"},
		"behind it":    {"junk.bin", url.Values{"skip": {"4000"}}, "That file cannot be a key"},
		"gone":         {"none.bin", nil, "That file cannot be a key"},
		"foreign file": {"junk.bin", url.Values{"keyfile": {s.seal.ticket("source", filepath.Join(dir, "keys", "junk.bin"))}}, "No password and no file was given"},
		"header junk":  {"junk.bin", url.Values{"header": {s.seal.ticket("header", filepath.Join(dir, "keys", "junk.bin"))}}, "That does not open it."},
	} {
		b.get(file(tt.file))
		b.post("/unlock", tt.fill)
		b.wait()
		if !strings.Contains(b.page, tt.says) {
			t.Errorf("%s: %d, not %q:\n%s", name, b.code, tt.says, b.page)
		}
	}
	b.get(file("junk.bin"))
	b.post("/unlock", url.Values{"skip": {"4"}, "use": {"24"}})
	b.wait()
	b.must("That opens it.")
	b.get(look + "&keyfile=made.up")
	if b.code != http.StatusForbidden {
		t.Errorf("a place that was not offered: %d", b.code)
	}
}

// TestLosses says at once what cannot be brought back.
func TestLosses(t *testing.T) {
	phone := &layers.Layer{ID: "d1", Kind: "disk", Extent: block.Extent{Length: 1 << 30}}
	for i, name := range []string{"boot_a", "super", "userdata"} {
		phone.Children = append(phone.Children, &layers.Layer{ID: "p" + string(rune('1'+i)), Parent: phone, Kind: "partition", Label: name})
	}
	phone.Children[2].Children = []*layers.Layer{{ID: "v1", Parent: phone.Children[2], Kind: "bitlocker", Volume: 1, State: layers.Locked,
		Lock: &volume.Locked{Format: "BitLocker", Needs: []volume.Need{{Kind: volume.RecoveryKey, ID: "1234"}, {Kind: volume.ClearKey}}}}}
	locks := locksOf([]*layers.Layer{phone})
	if len(locks) != 1 || !locks[0].Never || len(locks[0].Needs) != 1 || locks[0].Needs[0] != (opening{"unlock.need.recovery-key", "1234"}) {
		t.Fatalf("%+v", locks)
	}
	seen, always := lossesOf(wire.FromTree(phone, 1), locks, []string{"/dev/mmcblk0"}, 512)
	if got := strings.Join(seen, " "); got != "loss.unreadable loss.never loss.phone loss.trimmed" {
		t.Error(got)
	}
	if got := strings.Join(always, " "); got != "loss.locked loss.overwritten" {
		t.Error(got)
	}
	all, err := loadWords()
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []volume.SecretKind{volume.Passphrase, volume.KeyFile, volume.RecoveryKey, volume.StartupKey, volume.VolumeKey, volume.HeaderFile} {
		if !all["en"].has("unlock.need." + string(kind)) {
			t.Errorf("%s has no words", kind)
		}
	}
	for _, name := range []string{"erased", "unreadable", "never", "locked", "phone", "trimmed", "overwritten"} {
		if !all["en"].has("loss."+name) || !all["en"].has("loss."+name+".why") {
			t.Errorf("%s has no words", name)
		}
	}
	for _, answer := range []string{"right", "wrong", "later", "none", "failed"} {
		if !all["en"].has("unlock."+answer) || !all["en"].has("unlock."+answer+".why") {
			t.Errorf("%s has no words", answer)
		}
	}
	for _, kind := range []string{"disk", "table", "part", "files", "free", "swap", "locked", "member", "set", "other"} {
		if !all["en"].has("kind." + kind) {
			t.Errorf("%s has no words", kind)
		}
	}
}

// TestCaseOfTheCommandLine opens the folder of a case that was begun elsewhere: what is locked in it can be opened, and the
// work can go on, by what its own record says of its disk.
func TestCaseOfTheCommandLine(t *testing.T) {
	dir := home(t)
	lockedDisk(t, dir)
	folder := filepath.Join(dir, "case")
	o := rescue.Options{Source: filepath.Join(dir, "locked.img"), Case: folder, Program: "salvor test", Carve: rescue.CarveOptions{Within: []block.Extent{{Length: 512}}}}
	if _, err := rescue.Run(t.Context(), o, new(deaf), discard); err != nil {
		t.Fatal(err)
	}
	s := serve(t, Options{State: filepath.Join(dir, "state")})
	b := open(t, s)
	b.get("/cases")
	b.link("Open one from a folder")
	b.post("/cases", nil)
	at := "/case/" + knownCase{Dir: folder}.Key()
	b.must("Go on with the work", at+"/unlock")
	b.get(at + "/unlock")
	b.post("/unlock", url.Values{"secret": {rightPhrase}})
	b.wait()
	b.must("That opens it.")
	b.post(at+"/resume", nil)
	b.wait()
	b.must("How it ended")
	c, err := rescue.OpenCase(folder, "salvor test")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if list, err := c.Entry(t.Context(), "DCIM/holiday.txt"); err != nil || len(list) != 1 || list[0].SavedAs == "" {
		t.Errorf("%v, %v", list, err)
	}
	k, ok := s.known.get(knownCase{Dir: folder}.Key())
	if !ok || k.Source != o.Source {
		t.Errorf("%+v", k)
	}
}

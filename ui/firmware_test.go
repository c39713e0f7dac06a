package ui

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"salvor/firmware"
	"salvor/firmware/firmwaretest"
	"salvor/rescue"
)

// write puts files into a folder.
func write(t *testing.T, dir string, files map[string][]byte) {
	t.Helper()
	for name, data := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// legacyImage is one of U-Boot, by its description in image.h.
func legacyImage(name string, data []byte) []byte {
	h := make([]byte, 64)
	binary.BigEndian.PutUint32(h, 0x27051956)
	binary.BigEndian.PutUint32(h[12:], uint32(len(data)))
	binary.BigEndian.PutUint32(h[24:], crc32.ChecksumIEEE(data))
	h[28], h[29], h[30] = 5, 2, 2 // Linux, ARM, kernel
	copy(h[32:], name)
	binary.BigEndian.PutUint32(h[4:], crc32.ChecksumIEEE(h))
	return append(h, data...)
}

// routerImage is a legacy image with the metadata of OpenWrt behind it, by its description in fwtool.c.
func routerImage(board, version string) []byte {
	metadata := fmt.Sprintf(`{"metadata_version":"1.0","supported_devices":[%q],"version":{"dist":"OpenWrt","version":%q,"target":"acme/one","board":"one"}}`, board, version)
	p := append(legacyImage("kernel", []byte(strings.Repeat("kernel ", 3000))), append(make([]byte, 8), metadata...)...)
	trailer := make([]byte, 16)
	binary.BigEndian.PutUint32(trailer, 0x46577830)
	binary.BigEndian.PutUint32(trailer[4:], ^crc32.ChecksumIEEE(p))
	trailer[8] = 1
	binary.BigEndian.PutUint32(trailer[12:], uint32(8+len(metadata)+16))
	return append(p, trailer...)
}

// usign makes a key, and a signature by it.
func usign(id string, over []byte) (key, signature []byte) {
	private := ed25519.NewKeyFromSeed([]byte(strings.Repeat(id, 4)))
	text := func(p []byte) []byte {
		return []byte("untrusted comment: x\n" + base64.StdEncoding.EncodeToString(append([]byte("Ed"+id), p...)) + "\n")
	}
	return text(private.Public().(ed25519.PublicKey)), text(ed25519.Sign(private, over))
}

// bench is a home folder with packages, keys, and what is known of a device.
func bench(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("HOME", dir)
	t.Setenv("USERPROFILE", dir)
	good := routerImage("acme,gw-100", "2.0")
	damaged := slices.Clone(good)
	damaged[5000] ^= 1
	key, signature := usign("acmeacme", good)
	other, _ := usign("evilevil", good)
	write(t, dir, map[string][]byte{"good.bin": good, "good.bin.sig": signature, "damaged.bin": damaged, "cut.img": legacyImage("kernel", make([]byte, 9000))[:5000],
		"keys/acme.pub": key, "other.pub": other, "notes.txt": []byte("no key"), "boot.log": []byte("[    0.0] Linux version 6.1\n[    0.1] Machine model: ACME GW-100\n"),
		"record.json": []byte(`{"board": "acme,gw-200"}`), "right.json": []byte(`{"compat_version": "1.0"}`), "old.bin": routerImage("acme,gw-100", "1.5"), "list.txt": []byte("1.5\n2.0 needs 1.5\n"), "wrong.bin": []byte("<!doctype html><html><title>Not found</title></html>"), "empty.bin": {}, "noise.bin": firmwaretest.Noise(70_000, 3)})
	image, err := os.ReadFile("../examples/gateway.img")
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, map[string][]byte{"gateway.img": image})
	return dir
}

// ask fills in the form for a package and sends it.
func (b *browser) ask(pack string, fill url.Values) {
	b.t.Helper()
	b.get("/firmware")
	b.link("Choose the file")
	b.link(pack)
	b.post("/firmware", fill)
	b.wait()
}

// chosen returns the tickets of what is ticked for a purpose.
func (b *browser) chosen(purpose string) []string {
	var out []string
	for _, m := range regexp.MustCompile(`name="`+purpose+`" value="([^"]*)" checked`).FindAllStringSubmatch(b.page, -1) {
		out = append(out, unescape(m[1]))
	}
	return out
}

// pickFor goes from the form to the picker, takes a file and comes back.
func (b *browser) pickFor(purpose string, fill url.Values, names ...string) {
	b.t.Helper()
	fill["choose"] = []string{purpose}
	b.post("/firmware", fill)
	for _, name := range names {
		b.link(name)
	}
}

func TestFirmwareAnswers(t *testing.T) {
	bench(t)
	s := serve(t, Options{})
	b := open(t, s)
	b.link("Check it")
	for _, c := range []struct {
		pack string
		fill url.Values
		want []string
	}{
		{"good.bin", nil, []string{"Nothing speaks against it", "Everything in it is as it was made", "Say which device it is for", "Choose the keys of the maker", "CRC-32", "What fits"}},
		{"good.bin", url.Values{"device": {"ACME GW-100"}}, []string{"Kind of device", "\u2068acme,gw-100\u2069", "what stands on it", "What is known of the device"}},
		{"good.bin", url.Values{"device": {"ACME GW-200 <b>"}}, []string{"Do not install this file", "Look for the file for exactly your model", "but this device has", "GW-200"}},
		{"good.bin", url.Values{"log": {"[ 0.1] Machine model: ACME GW-100"}}, []string{"what you pasted", "this device has \u2068ACME GW-100\u2069"}},
		{"good.bin", url.Values{"log": {"nothing of a model"}}, []string{"nothing in it says which device"}},
		{"good.bin", url.Values{"current": {"3.0"}, "device": {"ACME GW-100"}}, []string{"older than"}},
		{"damaged.bin", nil, []string{"Do not install this file", "Get the file once more", "is damaged: a check of it", "Expected", "Found"}},
		{"cut.img", nil, []string{"The file is cut off: \u20685000\u2069 of \u20689064\u2069 bytes are there", "Do not install this file"}},
		{"wrong.bin", nil, []string{"This is no update file, but something else: \u2068HTML page", "Do not install this file", "Get the file once more", "SHA-256", "What is in it"}},
		{"noise.bin", nil, []string{"Nothing can be told of its content", "This is no update file that this program knows"}},
		{"notes.txt", nil, []string{"This is no update file that this program knows", "Compare its size and its SHA-256"}},
		{"empty.bin", nil, []string{"It could not be checked", "The file is empty"}},
	} {
		b.ask(c.pack, c.fill)
		b.must(c.want...)
		if strings.Contains(b.page, "<b>") {
			t.Errorf("%s: what was typed is markup", c.pack)
		}
	}
	b.ask("good.bin", url.Values{"log": {"nothing of a model"}})
	b.get(b.at + "?lang=de")
	b.must("nichts darin sagt, von welchem Gerät")
	b.ask("good.bin", url.Values{"device": {"ACME GW-100"}})
	b.link("Change what was said")
	b.must(`value="ACME GW-100"`, "good.bin")
	b.ask("damaged.bin", nil)
	b.get(b.at + "?lang=de")
	b.must("Installieren Sie diese Datei nicht", "Erwartet", "Gefunden", "ist beschädigt", "Was nie zu tun ist")
}

// TestFirmwareWithKeysAndSteps chooses what a check can be given, in the picker and by dropping.
func TestFirmwareWithKeysAndSteps(t *testing.T) {
	dir := bench(t)
	s := serve(t, Options{Uploads: t.TempDir()})
	b := open(t, s)
	b.get("/firmware")
	b.link("Choose the file")
	b.link("good.bin")
	// What was typed stays while files are chosen; a folder of keys, and a file that tells the device.
	b.pickFor("keys", url.Values{"device": {"typed <words>"}}, "keys", "Take this folder")
	b.must("typed &lt;words&gt;", "keys")
	b.pickFor("about", url.Values{"keys": b.chosen("keys"), "device": {""}}, "boot.log")
	b.pickFor("about", url.Values{"keys": b.chosen("keys"), "about": b.chosen("about"), "device": {""}}, "right.json")
	b.must("boot.log", "right.json")
	all := url.Values{"keys": b.chosen("keys"), "about": b.chosen("about"), "device": {""}}
	b.post("/firmware", all)
	b.wait()
	b.must("It is complete, genuine and for this device", "It is signed with a key that you trust", "It may be installed", "boot.log")

	// An image of the device tells what it is.
	b.link("Change what was said")
	b.pickFor("about", url.Values{"device": {""}}, "gateway.img")
	b.post("/firmware", url.Values{"about": b.chosen("about"), "device": {""}})
	b.wait()
	b.must("What is known of the device", "rootfs_a, 1.0 MiB")

	b.get("/firmware?package=" + url.QueryEscape(s.seal.ticket("package", filepath.Join(dir, "good.bin"))))
	b.pickFor("available", url.Values{"keys": b.chosen("keys"), "about": b.chosen("about"), "current": {"1.0"}}, "list.txt")
	b.post("/firmware", url.Values{"available": b.chosen("available"), "about": b.chosen("about"), "current": {"1.0"}})
	b.wait()
	b.must("Install these one after the other", "good.bin")

	// Several at once, as ticked in the picker; the record of another device; a key that does not fit.
	b.link("Check another file")
	b.link("Choose the file")
	b.link("good.bin")
	b.post("/firmware", url.Values{"choose": {"about"}})
	ticked := regexp.MustCompile(`name="about" value="([^"]*)"><span class="hidden">Tick record.json`).FindStringSubmatch(b.page)
	if ticked == nil {
		t.Fatal("no box: ", b.page)
	}
	back, err := url.Parse(unescape(attribute(regexp.MustCompile(`<input type="hidden" name="then"[^>]*>`).FindString(b.page), "value")))
	if err != nil || back.Path != "/firmware" || back.Query().Get("draft") == "" {
		t.Fatalf("the form leads to %v: %v", back, err)
	}
	b.get("/firmware?" + url.Values{"draft": {back.Query().Get("draft")}, "about": {unescape(ticked[1])}, "keys": {s.seal.ticket("keys", filepath.Join(dir, "other.pub"))}}.Encode())
	b.post("/firmware", url.Values{"about": b.chosen("about"), "keys": b.chosen("keys")})
	b.wait()
	b.must("Do not install this file", "gw-200", "no key")
	b.link("Change what was said")
	b.post("/firmware", url.Values{"keys": {s.seal.ticket("keys", filepath.Join(dir, "notes.txt"))}})
	b.wait()
	b.must("It could not be checked")

	// Dropped: the package is led to its page, and so are keys.
	b.send("/upload", field{name: "csrf", text: b.token()}, field{name: "purpose", text: "package"}, field{name: "file", file: "../../evil.bin", text: string(routerImage("acme,gw-100", "2.0"))})
	b.must("evil.bin", "Which device is it for?")
	if strings.Contains(b.page, "..") {
		t.Error("a name leads somewhere")
	}
	b.post("/firmware", url.Values{"choose": {"keys"}, "device": {"kept words"}})
	then := attribute(regexp.MustCompile(`<input type="hidden" name="then"[^>]*>`).FindString(b.page), "value")
	key, _ := usign("acmeacme", nil)
	b.send("/upload", field{name: "csrf", text: b.token()}, field{name: "purpose", text: "keys"}, field{name: "then", text: then}, field{name: "file", file: "dropped.pub", text: string(key)})
	b.must("kept words", "dropped.pub")

	// Checks are found again.
	b.get("/firmware")
	b.must("Checked since the program was started", "Do not install this file", "It could not be checked")
	b.link("good.bin")
	b.must("good.bin", "Check another file")
}

// TestFirmwareForACase asks a known case what the device is, and stops a check.
func TestFirmwareForACase(t *testing.T) {
	dir := bench(t)
	s := serve(t, Options{})
	b := open(t, s)
	c := knownCase{Dir: filepath.Join(dir, "rescued"), Source: filepath.Join(dir, "gateway.img")}
	if _, err := rescue.Run(t.Context(), rescue.Options{Source: c.Source, Case: c.Dir, Program: "salvor test", TakeOnly: true}, &job{changed: make(chan struct{})}, quiet()); err != nil {
		t.Fatal(err)
	}
	if err := s.known.add(c); err != nil {
		t.Fatal(err)
	}
	b.ask("good.bin", url.Values{"case": {c.Key()}})
	b.must("What is known of the device", "rootfs_a, 1.0 MiB")

	end := make(chan struct{})
	j := s.jobs.add(&job{kind: "check", key: "slow", work: steady(end)})
	b.get("/firmware/check/" + j.id)
	b.must("It is being checked", `http-equiv="refresh"`)
	b.post("/firmware/check/"+j.id+"/stop", nil)
	b.wait()
	b.must("It could not be checked")
	close(end)
	b.take(b.http.PostForm("http://"+s.pageHost+"/firmware/check/none/stop", url.Values{"csrf": {b.token()}}))
	if b.code != http.StatusNotFound {
		t.Error(b.code)
	}
}

func TestFirmwareThatIsRefused(t *testing.T) {
	dir := bench(t)
	s := serve(t, Options{})
	b := open(t, s)
	token := b.token()
	pack := s.seal.ticket("package", filepath.Join(dir, "good.bin"))
	for name, fill := range map[string]url.Values{
		"no package":           {},
		"a path":               {"package": {filepath.Join(dir, "good.bin")}},
		"another purpose":      {"package": {s.seal.ticket("source", filepath.Join(dir, "good.bin"))}},
		"a source for a key":   {"package": {pack}, "keys": {s.seal.ticket("source", "/etc")}},
		"a package for a fact": {"package": {pack}, "about": {pack}},
		"too many words":       {"package": {pack}, "device": {strings.Repeat("x", maxWords+1)}},
		"too many lines":       {"package": {pack}, "log": {strings.Repeat("x", maxLog+1)}},
	} {
		fill.Set("csrf", token)
		b.take(b.http.PostForm("http://"+s.pageHost+"/firmware", fill))
		if b.code != http.StatusForbidden {
			t.Errorf("%s: %d", name, b.code)
		}
	}
	b.take(b.http.PostForm("http://"+s.pageHost+"/firmware", url.Values{"package": {pack}}))
	if b.code != http.StatusForbidden {
		t.Errorf("without the token of the form: %d", b.code)
	}
	for address, code := range map[string]int{"/firmware?package=x": 403, "/firmware?draft=none": 404, "/firmware/check/none": 404} {
		if b.get(address); b.code != code {
			t.Errorf("%s: %d", address, b.code)
		}
	}
	// What is gone when the check begins is told, and never taken for the words of a label.
	b.get("/firmware?package=" + url.QueryEscape(pack))
	b.post("/firmware", url.Values{"about": {s.seal.ticket("about", filepath.Join(dir, "gone=1"))}})
	b.wait()
	b.must("not there any more")
}

// TestRowsHaveWords holds that each row that an answer can have is a sentence in each language, with all of its arguments.
func TestRowsHaveWords(t *testing.T) {
	all, err := loadWords()
	if err != nil {
		t.Fatal(err)
	}
	kinds := []firmware.ClaimKind{firmware.Compatible, firmware.Board, firmware.Hardware, firmware.Chip, firmware.Architecture, firmware.Region, firmware.FlashSize, firmware.LeastVersion,
		firmware.Rollback, firmware.CompatVersion, firmware.LeastLoader, firmware.ExactSource, firmware.KeepsSettings, firmware.NewerThanBuild, firmware.USB, firmware.Family, firmware.Product,
		firmware.GUID, firmware.Installed, firmware.LeastAllowed, firmware.Model}
	for lang, words := range all {
		for code, n := range firmware.RowCodes() {
			text, ok := words["row."+code]
			if !ok || strings.Contains(text, fmt.Sprintf("{%d}", n+1)) {
				t.Errorf("%s: row.%s with %d arguments: %q", lang, code, n, text)
			}
			r := firmware.Row{Code: code, Args: make([]string, n)}
			for i := range r.Args {
				r.Args[i] = "12"
			}
			if said := shownRowOf(words, &r).Sentence; strings.Contains(said, "{") || strings.HasPrefix(said, "row.") {
				t.Errorf("%s: %s", lang, said)
			}
			if strings.HasPrefix(code, "genuine.") && code != "genuine.passed" && !words.has("row.found."+code) {
				t.Errorf("%s: no row.found.%s", lang, code)
			}
		}
		for _, k := range kinds {
			if !words.has("claim." + string(k)) {
				t.Errorf("%s: no claim.%s", lang, k)
			}
		}
		for _, a := range []firmware.Answer{firmware.OK, firmware.No, firmware.CannotTell} {
			for _, name := range []string{"row.", "answer.", "checked.all."} {
				if !words.has(name + a.String()) {
					t.Errorf("%s: no %s%s", lang, name, a)
				}
			}
		}
		for _, q := range []string{"whole", "genuine", "fits"} {
			for _, n := range []string{"next." + q + ".yes", "next." + q + ".no", "checked.lead." + q} {
				if !words.has(n) {
					t.Errorf("%s: no %s", lang, n)
				}
			}
		}
	}
}

func TestLabels(t *testing.T) {
	for words, want := range map[string]string{"/etc/passwd": " etc passwd", `a=b\c`: " a b c", "ACME GW": " ACME GW"} {
		if got := label(words); got != want {
			t.Errorf("%q: %q", words, got)
		}
	}
}

package host

import (
	"compress/gzip"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"salvor/finding"
)

// recorded returns the pages that a disk gave.
func recorded(t testing.TB, name string) healthPages {
	t.Helper()
	f, err := os.Open("testdata/" + name + ".pages.json.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var p healthPages
	if err := json.NewDecoder(z).Decode(&p); err != nil {
		t.Fatal(err)
	}
	return p
}

// attribute sets an entry of a page of ATA attributes, or adds it.
func attribute(p healthPages, id, now, limit byte, raw uint64) healthPages {
	p.ATAData, p.ATAThresholds = slices.Clone(p.ATAData), slices.Clone(p.ATAThresholds)
	for i := 2; i < 2+30*12; i += 12 {
		if e := p.ATAData[i:]; e[0] == id || e[0] == 0 {
			e[0], e[1], e[3], e[4] = id, 3, now, now
			var b [8]byte
			binary.LittleEndian.PutUint64(b[:], raw)
			copy(e[5:11], b[:6])
			p.ATAThresholds[i], p.ATAThresholds[i+1] = id, limit
			break
		}
	}
	for _, page := range [][]byte{p.ATAData, p.ATAThresholds} {
		page[511] = 0
		page[511] = -sum8(page)
	}
	return p
}

func scsiPage(page uint8, parameters map[uint16][]byte) []byte {
	b := []byte{page, 0, 0, 0}
	for code := range uint16(8) {
		if v, ok := parameters[code]; ok {
			b = binary.BigEndian.AppendUint16(b, code)
			b = append(append(b, 3, byte(len(v))), v...)
		}
	}
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)-4))
	return b
}

func healthCodes(list []finding.Finding) string {
	var out []string
	for _, f := range list {
		out = append(out, strings.TrimPrefix(f.Code, "host.health."))
		if strings.Contains(f.String(), "{") {
			out = append(out, f.String())
		}
	}
	return strings.Join(out, " ")
}

// What the pages of healthy and of dying disks mean, and what follows.
func TestHealthPages(t *testing.T) {
	ata, nvme := recorded(t, "ata"), recorded(t, "nvme")
	withNVMe := func(change func(b []byte)) healthPages {
		p := nvme
		p.NVMe = slices.Clone(p.NVMe)
		change(p.NVMe)
		return p
	}
	scsi := func(pages map[uint8]map[uint16][]byte, grown int64) healthPages {
		p := healthPages{SCSI: map[uint8][]byte{}, GrownDefects: grown}
		for n, parameters := range pages {
			p.SCSI[n] = scsiPage(n, parameters)
		}
		return p
	}
	for name, tt := range map[string]struct {
		pages healthPages
		want  Health
		codes string
	}{
		"ATA":               {ata, Health{Known: true, By: "ATA", Hours: 1, Celsius: 31}, ""},
		"ATA, by its word":  {healthPages{ATAStatus: 2}, Health{Known: true, By: "ATA", Failing: true, Why: "SMART status: failing"}, "failing"},
		"ATA, good":         {healthPages{ATAStatus: 1}, Health{Known: true, By: "ATA"}, ""},
		"ATA, threshold":    {attribute(ata, 1, 6, 6, 0), Health{Known: true, By: "ATA", Hours: 1, Celsius: 31, Failing: true, Why: "attribute 1 fell to 6, its threshold is 6"}, "failing"},
		"ATA, pending":      {attribute(ata, 197, 100, 0, 24), Health{Known: true, By: "ATA", Hours: 1, Celsius: 31, Pending: 24}, "sectors"},
		"ATA, uncorrected":  {attribute(ata, 187, 90, 0, 10), Health{Known: true, By: "ATA", Hours: 1, Celsius: 31, Uncorrected: 10}, "sectors"},
		"ATA, reallocated":  {attribute(ata, 5, 90, 36, 0x0003_0000_0123), Health{Known: true, By: "ATA", Hours: 1, Celsius: 31, Reallocated: 0x123}, "reallocated"},
		"ATA, cable":        {attribute(ata, 199, 200, 0, 777), Health{Known: true, By: "ATA", Hours: 1, Celsius: 31, LinkErrors: 777}, "link"},
		"ATA, hot":          {attribute(ata, 194, 39, 0, 0x003D_0000_003D), Health{Known: true, By: "ATA", Hours: 1, Celsius: 61, Hot: true}, "hot"},
		"ATA, worn":         {attribute(attribute(ata, 177, 1, 0, 3000), 233, 1, 0, 0), Health{Known: true, By: "ATA", Hours: 1, Celsius: 31, Used: 99}, ""},
		"NVMe":              {nvme, Health{Known: true, By: "NVMe", Celsius: 50, Reserve: "normal"}, ""},
		"NVMe, spare":       {withNVMe(func(b []byte) { b[0], b[3], b[4] = 1, 3, 10 }), Health{Known: true, By: "NVMe", Celsius: 50, Reserve: "urgent"}, "worn"},
		"NVMe, soon":        {withNVMe(func(b []byte) { b[3], b[4] = 15, 10 }), Health{Known: true, By: "NVMe", Celsius: 50, Reserve: "warning"}, "worn"},
		"NVMe, worn":        {withNVMe(func(b []byte) { b[5] = 130 }), Health{Known: true, By: "NVMe", Celsius: 50, Reserve: "normal", Used: 130}, "worn"},
		"NVMe, unreliable":  {withNVMe(func(b []byte) { b[0], b[160] = 4, 9 }), Health{Known: true, By: "NVMe", Celsius: 50, Reserve: "normal", Failing: true, Why: "its errors made it unreliable", Uncorrected: 9}, "failing sectors"},
		"NVMe, read-only":   {withNVMe(func(b []byte) { b[0] = 8 }), Health{Known: true, By: "NVMe", Celsius: 50, Reserve: "normal", Locked: true}, "readonly"},
		"NVMe, hot":         {withNVMe(func(b []byte) { b[0], b[1], b[2] = 2, 0x70, 1 }), Health{Known: true, By: "NVMe", Celsius: 95, Reserve: "normal", Hot: true}, "hot"},
		"NVMe, cut":         {healthPages{NVMe: nvme.NVMe[:100]}, Health{}, ""},
		"NVMe, zeros":       {healthPages{NVMe: make([]byte, 512)}, Health{}, ""},
		"SCSI":              {scsi(map[uint8]map[uint16][]byte{0x2F: {0: {0, 0, 33}}}, 0), Health{Known: true, By: "SCSI", Celsius: 33}, ""},
		"SCSI, predicts":    {scsi(map[uint8]map[uint16][]byte{0x2F: {0: {0x5D, 0x10, 33}}}, -1), Health{Known: true, By: "SCSI", Celsius: 33, Failing: true, Why: "it predicts a failure: ASC 5D, ASCQ 10"}, "failing"},
		"SCSI, defects":     {scsi(map[uint8]map[uint16][]byte{0x03: {0: {0, 0, 0, 1}, 6: {0, 0, 1, 2}}}, 55), Health{Known: true, By: "SCSI", Uncorrected: 258, Reallocated: 55}, "sectors reallocated"},
		"SCSI, temperature": {scsi(map[uint8]map[uint16][]byte{0x0D: {0: {0, 66}, 1: {0, 65}}}, 0), Health{Known: true, By: "SCSI", Celsius: 66, Hot: true}, "hot"},
		"SCSI, worn":        {scsi(map[uint8]map[uint16][]byte{0x11: {1: {0, 0, 0, 101}}}, 0), Health{Known: true, By: "SCSI", Used: 101}, "worn"},
		"nothing":           {healthPages{GrownDefects: -1}, Health{}, ""},
	} {
		var h Health
		tt.pages.into(&h)
		tt.want.Registers = nil
		if got, want := mustJSON(t, h), mustJSON(t, tt.want); got != want {
			t.Errorf("%s:\n%s, want\n%s", name, got, want)
		}
		if got := healthCodes(h.Findings()); got != tt.codes {
			t.Errorf("%s: findings %q, want %q", name, got, tt.codes)
		}
		if h.Known && (h.Words() == "" || h.Words() == "unknown") {
			t.Errorf("%s: words %q", name, h.Words())
		}
		if _, err := json.Marshal(h.Record()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A page whose sum is wrong says nothing.
	broken := attribute(ata, 197, 100, 0, 24)
	broken.ATAData[400] ^= 1
	broken.ATAStatus = 0
	var h Health
	if broken.into(&h); h.Known {
		t.Errorf("a broken page: %+v", h)
	}
}

func mustJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Whatever the pages hold, reading them ends, and the figures are sane.
func FuzzHealthPages(f *testing.F) {
	ata, nvme := recorded(f, "ata"), recorded(f, "nvme")
	f.Add(ata.ATAData, ata.ATAThresholds, scsiPage(0x2F, map[uint16][]byte{0: {0x5D, 0, 40}}), nvme.NVMe)
	f.Fuzz(func(t *testing.T, data, limits, page, log []byte) {
		if len(data) >= 512 {
			data = slices.Clone(data)
			data[511] -= sum8(data[:512])
		}
		p := healthPages{ATAData: data, ATAThresholds: limits, NVMe: log, SCSI: map[uint8][]byte{0x2F: page, 0x0D: page, 0x11: page, 0x03: page}}
		var h Health
		p.into(&h)
		for _, n := range []int64{h.Reallocated, h.Pending, h.Uncorrected, h.LinkErrors, h.Hours, int64(h.Used), int64(h.Celsius)} {
			if n < 0 {
				t.Errorf("%+v", h)
			}
		}
		_ = h.Words() + healthCodes(h.Findings())
	})
}

// Who is asked, and what becomes of a disk that does not answer.
func TestHealthOf(t *testing.T) {
	asked := 0
	pages := recorded(t, "ata")
	ask := func(context.Context, *os.File, string) (healthPages, error) {
		asked++
		return pages, nil
	}
	for transport, want := range map[string]bool{"sata": true, "scsi": true, "nvme": true, "usb": false, "mmc": false, "loop": false, "": false} {
		asked = 0
		h := System{Root: t.TempDir()}.healthOf(t.Context(), &Opened{Device: true, Real: "/dev/none", Transport: transport}, ask)
		if (asked == 1) != want || h.Known != want {
			t.Errorf("%q: asked %d times, %+v", transport, asked, h)
		}
	}
	if h := (System{}).healthOf(t.Context(), &Opened{Transport: "sata"}, ask); h.Known {
		t.Error("a file was asked")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	h := System{Root: t.TempDir()}.healthOf(ctx, &Opened{Device: true, Real: "/dev/none", Transport: "sata"}, func(ctx context.Context, _ *os.File, _ string) (healthPages, error) {
		<-ctx.Done()
		return healthPages{}, ctx.Err()
	})
	if h.Known || !h.Silent || healthCodes(h.Findings()) != "silent" {
		t.Errorf("a disk that does not answer: %+v", h)
	}
	h = System{Root: t.TempDir()}.healthOf(t.Context(), &Opened{Device: true, Real: "/dev/none", Transport: "nvme"}, func(context.Context, *os.File, string) (healthPages, error) {
		return healthPages{}, errors.New("it does not know the command")
	})
	if h.Known || h.Silent {
		t.Errorf("a disk without figures: %+v", h)
	}
}

// The process that asks answers for whatever it is given, and refuses a descriptor that can write.
func TestAskByProcess(t *testing.T) {
	path := t.TempDir() + "/disk"
	if err := os.WriteFile(path, make([]byte, 4096), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, transport := range []string{"sata", "scsi", "nvme", "nonsense"} {
		if p, err := askByProcess(t.Context(), f, transport); err != nil || !p.empty() {
			t.Errorf("%s: %+v, %v", transport, p, err)
		}
	}
	w, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if _, err := askByProcess(t.Context(), w, "sata"); err == nil {
		t.Error("a descriptor that can write was used")
	}
}

// Of an SD card the registers are kept, of an eMMC its figures too.
func TestCardRegisters(t *testing.T) {
	root := t.TempDir()
	put := func(path, value string) {
		t.Helper()
		full := filepath.Join(root, "sys/class/block", path)
		if err := errors.Join(os.MkdirAll(filepath.Dir(full), 0o755), os.WriteFile(full, []byte(value+"\n"), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	put("mmcblk1/device/type", "SD")
	put("mmcblk1/device/cid", "035344534c333247808df2e3b400e8c1")
	put("mmcblk1/device/csd", "400e00325b590000edc87f800a404013")
	put("mmcblk1/device/ssr", "0000000005000000044e0000")
	put("mmcblk0/device/type", "MMC")
	put("mmcblk0/device/life_time", "0x02 0x01")
	put("mmcblk0/device/pre_eol_info", "0x01")
	s := System{Root: root}
	sd, mmc := s.cardHealth("mmcblk1"), s.cardHealth("mmcblk0")
	if sd.Known || sd.Registers["cid"] != "035344534c333247808df2e3b400e8c1" || sd.Registers["csd"] == "" || sd.Registers["ssr"] == "" || len(sd.Registers) != 4 {
		t.Errorf("SD: %+v", sd)
	}
	if !mmc.Known || mmc.Used != 20 || mmc.Reserve != "normal" || mmc.By != "eMMC" || len(mmc.Registers) != 3 || len(mmc.Findings()) != 0 {
		t.Errorf("eMMC: %+v", mmc)
	}
}

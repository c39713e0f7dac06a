package recovery_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"salvor/block"
	"salvor/carve"
	"salvor/filetype"
	"salvor/filetype/all"
	"salvor/filetype/filetypetest"
	"salvor/recovery"
)

// What carved files are called, by what is in them: one real file of each format that says something of itself.
func TestCarvedNames(t *testing.T) {
	table, err := all.Table()
	if err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{
		"jpeg/exif.jpg":         "2023-04-05 06.07.08 ACME Cam 7 Harbour at dawn - Ada.jpg",
		"tiff/exif.tif":         "2024-05-06 07.08.09 Maker Cam 1 Harbour - Ada.tif",
		"webp/exif.webp":        "2024-05-06 07.08.09 Maker Cam 1 Harbour.webp",
		"mp4/exif.heic":         "*Maker*.heic",
		"png/texts.png":         "*.png",
		"markup/chart.svg":      "*.svg",
		"pdf/small.pdf":         "2026-11-21 04.14.54 Gateway handbook - A. Writer.pdf",
		"ole2/letter.doc":       "*The lighthouse letter - Ada Keeper.doc",
		"zip/doc.docx":          "Gateway handbook - A. Writer.docx",
		"zip/doc.odt":           "Gateway handbook - A. Writer.odt",
		"rtf/letter.rtf":        "The lighthouse letter - Ada Keeper.rtf",
		"zip/python.epub":       "2024-05-06 00.00.00 A small book - B. Author.epub",
		"markup/letter.html":    "*.html",
		"mail/parts.eml":        "2023-04-05 06.07.08 Grüße vom Leuchtturm - Ada Keeper.eml",
		"mail/box.mbox":         "*Plain*.mbox",
		"mail/two.vcf":          "Ada Keeper.vcf",
		"mail/tide.ics":         "2023-04-05 06.07.08 High tide, second.ics",
		"mp3/tone.mp3":          "*Someone - A tone.mp3",
		"flac/tone.flac":        "Someone - A tone.flac",
		"wav/bext.wav":          "2024-05-06 07.08.09 Rec 7 - Field notes.wav",
		"ogg/tone.ogg":          "*A tone.ogg",
		"ogg/tone.opus":         "*Spoken.opus",
		"mp4/tone.m4a":          "*A tone.m4a",
		"aac/tagged.aac":        "A tone.aac",
		"aiff/tone.aiff":        "A tone.aiff",
		"matroska/film.mkv":     "*Test ride.mkv",
		"asf/film.wmv":          "Ada - Test ride.wmv",
		"avi/mjpeg.avi":         "Ada - Test ride.avi",
		"zip/python.jar":        "Gateway tools.jar",
		"zip/infozip.zip":       "*.zip",
		"tar/gnu.tar":           "2023-04-05 06.07.08 d deep.tar",
		"bzip2/tree.tar.bz2":    "d deep.tar.bz2",
		"xz/tree.tar.xz":        "d deep.tar.xz",
		"zstd/tree.tar.zst":     "d deep.tar.zst",
		"lz4/tree.tar.lz4":      "d deep.tar.lz4",
		"gzip/named.gz":         "2023-04-05 06.07.08 lines.txt.gz",
		"sevenzip/lzma.7z":      "2023-04-05 06.07.08 d lines.txt.7z",
		"cab/stored.cab":        "2023-04-05 06.07.08 lines.txt.cab",
		"cpio/newc.cpio":        "*.cpio",
		"iso/joliet.iso":        "*LIGHTHOUSE.iso",
		"sqlite/p1024.db":       "sensor, reading, setting.sqlite",
		"elf/liblight.so":       "liblight.so.1.so",
		"javaclass/Light.class": "harbour.Light.class",
		"font/glyfTest.ttf":     "glyfTest.ttf",
		"dtb/board.dtb":         "ACME GW-100.dtb",
		"text/heading.md":       "The lighthouse at night.md",
		"text/note.txt":         "Notes of the keeper.txt",
		"markup/heading.html":   "Tides & weather.html",
	} {
		folder, base := filepath.Split(file)
		data := map[string][]byte{
			"heading.md":   []byte("# The lighthouse at night\n\nIt is lit at dusk, and *never* goes out.\n"),
			"note.txt":     []byte("Notes of the keeper\n\nThe lamp was cleaned, the lens was polished, and the log was written.\n"),
			"heading.html": []byte("<!DOCTYPE html>\n<html><body><h1 class=\"x\">Tides &amp; <i>weather</i></h1><p>High at six.</p></body></html>\n"),
		}[base]
		if data == nil {
			dir := os.DirFS(filepath.Join("..", "filetype", folder, "testdata"))
			pattern := base
			if _, err := os.Stat(filepath.Join("..", "filetype", folder, "testdata", base)); err != nil {
				pattern += ".gz"
			}
			for _, data = range filetypetest.Load(t, dir, pattern) {
			}
			if folder == "gzip/" {
				data = filetypetest.Named(t, dir, base)[0]
			}
		}
		f, r, err := table.Identify(t.Context(), block.Bytes(data), "")
		if err != nil || f == nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		e := recovery.Carved(1, carve.Found{Format: f, Report: r, Offset: 0, Size: int64(len(data))}, block.Bytes(data))
		if ok, err := filepath.Match(want, e.Name); !ok || err != nil {
			t.Errorf("%s is called %q, expected %q", file, e.Name, want)
		}
		if strings.HasPrefix(e.Name, f.Name+" at 0x") && !strings.HasPrefix(want, "*.") {
			t.Errorf("%s has only its place for a name: %q", file, e.Name)
		}
	}
}

// Whatever a file says that it is called, its name is one element of a path and leads nowhere else.
func TestCarvedNameIsHarmless(t *testing.T) {
	format := &filetype.Format{Name: "zip", Class: filetype.Archive, Extensions: []string{"zip"}, Ceiling: filetype.Consistent}
	for _, evil := range []string{"../../etc/passwd", `..\..\windows\system32`, "/absolute", "C:\\x", "a\x00b", "..", ".", "", "x/../../y", "nul\n\r\tline", "\u202Egpj.exe", strings.Repeat("/", 500),
		strings.Repeat("long ", 4000), "\xFF\xFE\x00", "~/.ssh/id", "$(reboot)", "-rf"} {
		for _, r := range []filetype.Report{
			{Hints: filetype.Hints{Title: evil}}, {Hints: filetype.Hints{Title: "x", Author: evil}, Class: filetype.Audio}, {Hints: filetype.Hints{Camera: evil, Title: evil, Author: evil}, Class: filetype.Document},
			{Extension: evil},
		} {
			r.Verdict, r.Size, r.GoodUntil = filetype.Consistent, 100, 100
			e := recovery.Carved(1, carve.Found{Format: format, Report: r, Size: 100}, block.Bytes(make([]byte, 100)))
			if e.Name == "" || e.Name == "." || e.Name == ".." || filepath.Base(e.Name) != e.Name || strings.ContainsAny(e.Name, "/\\:\x00\n\r\t\u202E") || !filepath.IsLocal(e.Name) || len([]rune(e.Name)) > 400 {
				t.Errorf("%+v gives the name %s", r.Hints, fmt.Sprintf("%q", e.Name))
			}
		}
	}
}

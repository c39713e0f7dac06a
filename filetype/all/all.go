// Package all holds the one table of file formats. Only rescue, the faces and tests import it; lower rooms
// get the table as an argument. A new format is a folder beside this one and a row here.
package all

import (
	"slices"

	"salvor/filetype"
	"salvor/filetype/aac"
	"salvor/filetype/aiff"
	"salvor/filetype/amr"
	"salvor/filetype/asf"
	"salvor/filetype/avi"
	"salvor/filetype/bmp"
	"salvor/filetype/bzip2"
	"salvor/filetype/cab"
	"salvor/filetype/cpio"
	"salvor/filetype/dex"
	"salvor/filetype/dtb"
	"salvor/filetype/elf"
	"salvor/filetype/evtx"
	"salvor/filetype/flac"
	"salvor/filetype/flv"
	"salvor/filetype/font"
	"salvor/filetype/gif"
	"salvor/filetype/gzip"
	"salvor/filetype/iso"
	"salvor/filetype/javaclass"
	"salvor/filetype/jpeg"
	"salvor/filetype/leveldb"
	"salvor/filetype/lz4"
	"salvor/filetype/macho"
	"salvor/filetype/mail"
	"salvor/filetype/markup"
	"salvor/filetype/matroska"
	"salvor/filetype/midi"
	"salvor/filetype/mo"
	"salvor/filetype/mp3"
	"salvor/filetype/mp4"
	"salvor/filetype/mpeg"
	"salvor/filetype/ogg"
	"salvor/filetype/ole2"
	"salvor/filetype/pdf"
	"salvor/filetype/pe"
	"salvor/filetype/plist"
	"salvor/filetype/png"
	"salvor/filetype/psd"
	"salvor/filetype/pst"
	"salvor/filetype/rar"
	"salvor/filetype/regf"
	"salvor/filetype/rtf"
	"salvor/filetype/sevenzip"
	"salvor/filetype/sqlite"
	"salvor/filetype/tar"
	"salvor/filetype/text"
	"salvor/filetype/tiff"
	"salvor/filetype/wav"
	"salvor/filetype/webp"
	"salvor/filetype/xz"
	"salvor/filetype/zip"
	"salvor/filetype/zstd"
	"salvor/finding"
)

// Formats returns the rows of every family, in the order in which they are tried: those with a signature
// first, the exact kinds of text before text.
func Formats() []filetype.Format {
	return slices.Concat(
		jpeg.Formats(),
		png.Formats(),
		sqlite.Formats(),
		pdf.Formats(),
		zip.Formats(),
		gzip.Formats(),
		mp4.Formats(),
		gif.Formats(),
		bmp.Formats(),
		tar.Formats(),
		bzip2.Formats(),
		xz.Formats(),
		wav.Formats(),
		sevenzip.Formats(),
		avi.Formats(),
		ole2.Formats(),
		mp3.Formats(),
		flac.Formats(),
		rtf.Formats(),
		markup.Formats(),
		mail.Formats(),
		ogg.Formats(),
		matroska.Formats(),
		elf.Formats(),
		pe.Formats(),
		dtb.Formats(),
		tiff.Formats(),
		zstd.Formats(),
		lz4.Formats(),
		cpio.Formats(),
		cab.Formats(),
		webp.Formats(),
		aiff.Formats(),
		aac.Formats(),
		amr.Formats(),
		midi.Formats(),
		macho.Formats(),
		dex.Formats(),
		javaclass.Formats(),
		mo.Formats(),
		flv.Formats(),
		asf.Formats(),
		mpeg.Formats(),
		font.Formats(),
		plist.Formats(),
		regf.Formats(),
		evtx.Formats(),
		leveldb.Formats(),
		psd.Formats(),
		rar.Formats(),
		iso.Formats(),
		pst.Formats(),
		text.Formats(),
	)
}

// Table returns the table of all formats and of further rows, such as those of firmware packages. Rows with
// a signature are tried before those without, wherever they stand.
func Table(further ...filetype.Format) (*filetype.Table, error) {
	return filetype.NewTable(append(Formats(), further...))
}

// Findings returns the kinds of finding of every family.
func Findings() []*finding.Def {
	return slices.Concat(filetype.Findings, jpeg.Findings, png.Findings, sqlite.Findings, pdf.Findings,
		zip.Findings, gzip.Findings, mp4.Findings, text.Findings, bmp.Findings, wav.Findings, avi.Findings, mp3.Findings,
		ogg.Findings, mpeg.Findings)
}

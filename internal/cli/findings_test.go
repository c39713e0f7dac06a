package cli_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"salvor/carve"
	"salvor/casefile"
	"salvor/compare"
	"salvor/container"
	"salvor/container/dmg"
	"salvor/container/ewf"
	"salvor/container/qcow2"
	"salvor/container/sparse"
	"salvor/container/sparseimage"
	"salvor/container/vhd"
	"salvor/container/vhdx"
	"salvor/container/vmdk"
	"salvor/diagnosis/knowledge"
	"salvor/filesystem/exfat"
	"salvor/filesystem/ext"
	"salvor/filesystem/fat"
	"salvor/filesystem/hfsplus"
	"salvor/filesystem/named"
	"salvor/filesystem/ntfs"
	"salvor/filetype"
	"salvor/filetype/avi"
	"salvor/filetype/bmp"
	"salvor/filetype/gzip"
	"salvor/filetype/jpeg"
	"salvor/filetype/mp3"
	"salvor/filetype/mp4"
	"salvor/filetype/mpeg"
	"salvor/filetype/ogg"
	"salvor/filetype/pdf"
	"salvor/filetype/png"
	"salvor/filetype/sqlite"
	"salvor/filetype/text"
	"salvor/filetype/wav"
	"salvor/filetype/zip"
	"salvor/finding"
	"salvor/firmware"
	"salvor/firmware/archive"
	"salvor/firmware/avb"
	"salvor/firmware/beside"
	"salvor/firmware/bootimg"
	fwcab "salvor/firmware/cab"
	"salvor/firmware/matter"
	"salvor/firmware/mcuboot"
	"salvor/firmware/mender"
	"salvor/firmware/nordic"
	"salvor/firmware/ota"
	"salvor/firmware/payload"
	"salvor/firmware/rauc"
	"salvor/firmware/swu"
	"salvor/firmware/ubi"
	"salvor/firmware/uefi"
	"salvor/guard"
	"salvor/host"
	"salvor/imaging"
	"salvor/layers"
	"salvor/preview"
	"salvor/recovery"
	"salvor/relate"
	"salvor/rescue"
	"salvor/volume/apm"
	"salvor/volume/atari"
	"salvor/volume/bitlocker"
	"salvor/volume/bsd"
	"salvor/volume/filevault"
	"salvor/volume/gpt"
	"salvor/volume/lp"
	"salvor/volume/luks"
	"salvor/volume/lvm"
	"salvor/volume/mbr"
	"salvor/volume/md"
	"salvor/volume/mtdparts"
	"salvor/volume/pmt"
	"salvor/volume/sgi"
	"salvor/volume/sun"
)

// tables are the tables of findings of all packages, by their folders.
var tables = map[string][]*finding.Def{
	"casefile": casefile.Findings, "compare": compare.Findings, "filesystem/ext": ext.Findings, "filesystem/fat": fat.Findings, "filesystem/hfsplus": hfsplus.Findings, "filesystem/exfat": exfat.Findings, "filesystem/named": named.Findings, "filesystem/ntfs": ntfs.Findings,
	"filetype": filetype.Findings, "filetype/bmp": bmp.Findings, "filetype/gzip": gzip.Findings, "filetype/jpeg": jpeg.Findings, "filetype/mp4": mp4.Findings,
	"filetype/pdf": pdf.Findings, "filetype/png": png.Findings, "filetype/sqlite": sqlite.Findings, "filetype/text": text.Findings,
	"filetype/zip": zip.Findings, "firmware": firmware.Findings, "firmware/beside": beside.Findings, "firmware/ubi": ubi.Findings, "guard": guard.Findings, "host": host.Findings, "imaging": imaging.Findings, "container": container.Findings, "container/dmg": dmg.Findings, "container/ewf": ewf.Findings, "container/qcow2": qcow2.Findings, "container/sparse": sparse.Findings, "container/sparseimage": sparseimage.Findings, "container/vhd": vhd.Findings, "container/vhdx": vhdx.Findings, "container/vmdk": vmdk.Findings, "layers": layers.Findings,
	"firmware/avb": avb.Findings, "firmware/bootimg": bootimg.Findings, "firmware/ota": ota.Findings, "firmware/payload": payload.Findings,
	"filetype/avi": avi.Findings, "filetype/mp3": mp3.Findings, "filetype/mpeg": mpeg.Findings, "filetype/ogg": ogg.Findings,
	"filetype/wav":     wav.Findings,
	"carve":            carve.Findings,
	"firmware/archive": archive.Findings, "firmware/cab": fwcab.Findings, "firmware/matter": matter.Findings, "firmware/nordic": nordic.Findings, "firmware/uefi": uefi.Findings, "firmware/mcuboot": mcuboot.Findings, "firmware/mender": mender.Findings, "firmware/rauc": rauc.Findings, "firmware/swu": swu.Findings,
	"recovery": recovery.Findings, "preview": preview.Findings, "relate": relate.Findings, "rescue": rescue.Findings, "volume/bitlocker": bitlocker.Findings, "volume/filevault": filevault.Findings, "volume/gpt": gpt.Findings, "volume/luks": luks.Findings, "volume/mbr": mbr.Findings, "volume/md": md.Findings, "volume/lvm": lvm.Findings,
	"volume/apm": apm.Findings, "volume/atari": atari.Findings, "volume/bsd": bsd.Findings, "volume/lp": lp.Findings,
	"volume/mtdparts": mtdparts.Findings, "volume/pmt": pmt.Findings, "volume/sgi": sgi.Findings, "volume/sun": sun.Findings,
}

var (
	codePattern = regexp.MustCompile(`^[a-z0-9_-]+(\.[a-z0-9_-]+)+$`)
	placeholder = regexp.MustCompile(`\{[^}]*\}?`)
	wellFormed  = regexp.MustCompile(`^\{[a-z][a-z0-9_]*\}$`)
)

// A code means one thing, and has a sentence.
func TestFindingsAreUnique(t *testing.T) {
	owner := map[string]string{}
	for dir, table := range tables {
		if len(table) == 0 {
			t.Errorf("%s: an empty table", dir)
		}
		for _, d := range table {
			switch {
			case d == nil:
				t.Errorf("%s: a nil entry", dir)
				continue
			case !codePattern.MatchString(d.Code):
				t.Errorf("%s: the code %q does not fit the schema", dir, d.Code)
			case strings.TrimSpace(d.Text) == "" || strings.TrimSpace(d.Text) != d.Text:
				t.Errorf("%s: the text %q", d.Code, d.Text)
			case d.Severity > finding.Error:
				t.Errorf("%s: severity %v", d.Code, d.Severity)
			}
			if other, ok := owner[d.Code]; ok {
				t.Errorf("%s is declared in %s and in %s", d.Code, other, dir)
			}
			owner[d.Code] = dir
			if strings.Count(d.Text, "{") != strings.Count(d.Text, "}") {
				t.Errorf("%s: braces of %q", d.Code, d.Text)
			}
		}
	}
}

// A rule that asks for a finding asks for one that there is.
func TestFactsAreFindings(t *testing.T) {
	codes, rooms := map[string]bool{}, map[string]bool{}
	for _, table := range tables {
		for _, d := range table {
			room, _, _ := strings.Cut(d.Code, ".")
			codes[d.Code], rooms[room] = d.Severity > finding.Info, true
		}
	}
	base, err := knowledge.Load()
	if err != nil {
		t.Fatal(err)
	}
	gathered := []string{"compare.", "check.", "volume.state", "volume.dirty", "table.state"} // what why itself gathers: see rescue/whycase.go
	asked := 0
	for _, eco := range base.Ecosystems {
		for _, r := range eco.Rules {
			for _, name := range strings.Fields(r.Fact.Name) {
				room, _, _ := strings.Cut(name, ".")
				if !rooms[room] || slices.ContainsFunc(gathered, func(g string) bool { return strings.HasPrefix(name, g) }) {
					continue
				}
				if asked++; !codes[name] {
					t.Errorf("%s: there is no finding %s, or it is no warning", r.ID, name)
				}
			}
		}
	}
	if asked < 50 {
		t.Errorf("only %d findings are asked for", asked)
	}
}

// Each placeholder of a text is {expected}, {found}, {offset}, or an argument that the package gives to some
// finding; each declared finding stands in the table of its package; each package with a table is known here.
func TestFindingsFitTheirSource(t *testing.T) {
	const root = "../.."
	seen := map[string]bool{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if !d.IsDir() {
			return nil
		}
		if name := d.Name(); name == "testdata" || len(name) > 2 && name[0] == '.' {
			return filepath.SkipDir
		}
		dir, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		dir = filepath.ToSlash(dir)
		p := readPackage(t, path)
		table, known := tables[dir]
		if p.table && !known {
			t.Errorf("%s exports Findings and is not among the tables of this test", dir)
		}
		if dir == "finding" {
			return nil
		}
		inTable := map[string]bool{}
		for _, def := range table {
			inTable[def.Code] = true
			for _, ph := range placeholder.FindAllString(def.Text, -1) {
				name := strings.Trim(ph, "{}")
				switch {
				case !wellFormed.MatchString(ph):
					t.Errorf("%s: the placeholder %q", def.Code, ph)
				case name == "expected" || name == "found" || name == "offset":
				case !p.args[name] && !sharedArgs(dir)[name]:
					t.Errorf("%s: nothing in %s gives the argument %s", def.Code, dir, ph)
				}
			}
		}
		for _, code := range p.codes {
			if !inTable[code] {
				t.Errorf("%s is declared in %s and not in its table", code, dir)
			}
		}
		seen[dir] = true
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for dir := range tables {
		if !seen[dir] {
			t.Errorf("%s is not there", dir)
		}
	}
}

// sharedArgs are the arguments of findings that a package declares and others raise.
func sharedArgs(dir string) map[string]bool {
	if dir == "filetype" {
		return map[string]bool{"format": true}
	}
	return nil
}

// source is what the code of a package says of findings.
type source struct {
	table bool            // it exports Findings
	codes []string        // of the declarations
	args  map[string]bool // names of arguments that are given
}

func readPackage(t *testing.T, dir string) source {
	t.Helper()
	s := source{args: map[string]bool{}}
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ValueSpec:
				for _, id := range n.Names {
					s.table = s.table || id.Name == "Findings"
				}
			case *ast.CompositeLit:
				if sel, ok := n.Type.(*ast.SelectorExpr); ok && sel.Sel.Name == "Def" && isIdent(sel.X, "finding") {
					for _, e := range n.Elts {
						if kv, ok := e.(*ast.KeyValueExpr); ok && isIdent(kv.Key, "Code") {
							if code, ok := kv.Value.(*ast.BasicLit); ok {
								s.codes = append(s.codes, strings.Trim(code.Value, `"`))
							}
						}
					}
				}
			case *ast.CallExpr:
				if sel, ok := n.Fun.(*ast.SelectorExpr); ok && sel.Sel.Name == "Arg" && isIdent(sel.X, "finding") && len(n.Args) == 2 {
					if name, ok := n.Args[0].(*ast.BasicLit); ok {
						s.args[strings.Trim(name.Value, `"`)] = true
					}
				}
			}
			return true
		})
	}
	return s
}

func isIdent(e ast.Expr, name string) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == name
}

package host

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// upsd answers as NUT does.
func upsd(t *testing.T, status string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				for lines := bufio.NewScanner(c); lines.Scan(); {
					switch lines.Text() {
					case "LIST UPS":
						fmt.Fprint(c, "BEGIN LIST UPS\nUPS desk \"A UPS\"\nEND LIST UPS\n")
					case "GET VAR desk ups.status":
						fmt.Fprintf(c, "VAR desk ups.status %q\n", status)
					default:
						fmt.Fprint(c, "ERR UNKNOWN-COMMAND\n")
					}
				}
			}()
		}
	}()
	return l.Addr().String()
}

func TestPower(t *testing.T) {
	put := func(root, name, text string) {
		t.Helper()
		p := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	machine := func(mains, attributes string) string {
		root := t.TempDir()
		put(root, "sys/class/power_supply/AC/type", "Mains")
		put(root, "sys/class/power_supply/AC/online", mains)
		const hub = "sys/devices/pci0/usb1/1-4"
		put(root, hub+"/bDeviceClass", "09")
		put(root, hub+"/bmAttributes", attributes)
		put(root, hub+"/1-4.2/bDeviceClass", "00")
		put(root, hub+"/1-4.2/host6/block/sdb/dev", "8:16")
		if err := os.MkdirAll(filepath.Join(root, "sys/class/block"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink("../../devices/pci0/usb1/1-4/1-4.2/host6/block/sdb", filepath.Join(root, "sys/class/block/sdb")); err != nil {
			t.Fatal(err)
		}
		return root
	}
	for _, tt := range []struct {
		mains, attributes, ups string
		want                   string
	}{
		{"1", "e0", "OL", ""},
		{"0", "e0", "OL CHRG", "host.power.battery"},
		{"1", "80", "OL", "host.power.hub"},
		{"1", "e0", "OB DISCHRG", "host.power.ups"},
		{"0", "80", "OL LB", "host.power.battery host.power.ups host.power.hub"},
	} {
		s := System{Root: machine(tt.mains, tt.attributes), UPS: upsd(t, tt.ups)}
		var got []string
		for _, f := range s.Power(t.Context(), "/dev/sdb") {
			got = append(got, f.Code)
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%+v: %v", tt, got)
		}
	}
	// No one answers, or talks nonsense.
	if got := askUPS(t.Context(), "127.0.0.1:1"); got != nil {
		t.Errorf("%v", got)
	}
}

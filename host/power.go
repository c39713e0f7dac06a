package host

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"salvor/finding"
)

var (
	onBattery = &finding.Def{Code: "host.power.battery", Severity: finding.Warning,
		Text: "This computer runs on its battery. A copy may take hours, and a failing disk may not start again: connect the power first."}
	upsLow = &finding.Def{Code: "host.power.ups", Severity: finding.Warning,
		Text: "The UPS {name} says {found}: the power may go away at any moment. What is copied is written down more often now; wait with the copy if you can."}
	hubPower = &finding.Def{Code: "host.power.hub", Severity: finding.Warning,
		Text: "{path} gets its power through a hub without a supply of its own. Failing disks need more power than healthy ones, and drop off such a hub: connect it to the computer itself, or to a hub with a supply."}
)

// upsAddress is where NUT's upsd answers on this computer; no other computer is asked.
const upsAddress = "127.0.0.1:3493"

// Power says what may go wrong with the power while the source at path is read. Where a system does not tell, nothing
// is said.
func (s System) Power(ctx context.Context, path string) []finding.Finding {
	var out []finding.Finding
	if battery, known := s.OnBattery(); known && battery {
		out = append(out, onBattery.New())
	}
	address := upsAddress
	if s.UPS != "" {
		address = s.UPS
	}
	if s.Root == "" || s.UPS != "" {
		for _, u := range askUPS(ctx, address) {
			if u.low() {
				out = append(out, upsLow.New(finding.Arg("name", u.name), finding.Expected(nil, u.status)))
			}
		}
	}
	if name, err := s.deviceName(path); err == nil && s.busPowered(s.wholeDisk(name)) {
		out = append(out, hubPower.New(finding.Arg("path", path)))
	}
	return out
}

// busPowered reports whether a hub that has no supply of its own is between the disk and the computer. What a hub says
// of itself stands in bmAttributes of its configuration: bit 6 is "self-powered" (USB 2.0, table 9-10).
func (s System) busPowered(name string) bool {
	for dir := filepath.Dir(s.class(name)); len(dir) > 1; dir = filepath.Dir(dir) {
		base := filepath.Base(dir)
		if strings.HasPrefix(base, "usb") {
			return false // the root hub, which is the computer
		}
		rel, err := filepath.Rel(s.path(), dir)
		if err != nil || s.read(rel, "bDeviceClass") != "09" {
			continue
		}
		attributes, err := strconv.ParseUint(s.read(rel, "bmAttributes"), 16, 8)
		if err == nil && attributes&0x40 == 0 {
			return true
		}
	}
	return false
}

// ups is one UPS and its status words: OL on line, OB on battery, LB low battery, RB replace the battery.
type ups struct{ name, status string }

func (u ups) low() bool {
	for _, w := range strings.Fields(u.status) {
		if w == "OB" || w == "LB" || w == "RB" || w == "FSD" {
			return true
		}
	}
	return false
}

// askUPS asks upsd by its text protocol (NUT developer guide, chapter "Network protocol") for the status of each UPS.
// No answer within a second is none.
func askUPS(ctx context.Context, address string) []ups {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil
	}
	defer conn.Close()
	deadline, _ := ctx.Deadline()
	if conn.SetDeadline(deadline) != nil {
		return nil
	}
	lines := bufio.NewScanner(conn)
	lines.Buffer(make([]byte, 0, 4096), 4096)
	ask := func(question string) bool {
		_, err := fmt.Fprintf(conn, "%s\n", question)
		return err == nil
	}
	if !ask("LIST UPS") {
		return nil
	}
	var list []ups
	for lines.Scan() && len(list) < 16 {
		f := strings.Fields(lines.Text())
		if len(f) >= 2 && f[0] == "UPS" {
			list = append(list, ups{name: f[1]})
		} else if len(f) == 0 || f[0] != "BEGIN" {
			break
		}
	}
	for i := range list {
		if !ask("GET VAR "+list[i].name+" ups.status") || !lines.Scan() {
			break
		}
		// VAR name ups.status "OB LB"
		if _, value, ok := strings.Cut(lines.Text(), `"`); ok {
			list[i].status = strings.Trim(value, `"`)
		}
	}
	return list
}

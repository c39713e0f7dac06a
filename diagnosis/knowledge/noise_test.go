package knowledge

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"salvor/diagnosis"
)

// The words and forms that logs are full of, and that no rule was written from.
var (
	logWords = strings.Fields(`accepted account action active address adapter agent alarm allocated answer apply area array assigned attached audio auth
		available backup balance band base battery begin bind block board body boot bound branch bridge broker buffer build bus cache call camera cancel card
		cell chain change channel charge check checksum class clean client clock close cluster code collect command commit complete config connect connection
		console context control copy core count crash create credential current cycle daemon data database deadline debug decode default delay delete device
		digest directory discard disk dispatch display domain done download drain driver drop dump duplex duration edge empty enable encode encrypt end engine
		enter entry environment epoch erase error event exceed exec exit expire export extent factory fail failed failure fallback fan feature fetch field file
		filter finish firmware flag flash flow flush folder format found frame free frequency full gateway group guard handle handler hash head header health
		heap heartbeat hello hold home host hub idle ignore image import index inform init input install instance interface internal invalid item job journal
		kernel key lag lamp layer leader lease length level library limit line link list listen load lock log loop lost mail main map mask master match memory
		merge message metric missing mode module monitor mount move name network node normal not note notify number object offline offset online open option
		order output overrun owner package packet page pair panic parse part partition pass path pause peer pending perform permission phase ping plan plugin
		policy poll pool port power prepare present pressure print process profile program progress protocol proxy publish push queue quota random range rate
		raw reach read ready reason reboot receive record recover redirect refresh refuse register reject release remote remove rename repair replica reply
		report request reserve reset resolve resource restart restore result retry return revision role rollback root route rule run sample save scan schedule
		scope sector secure segment send sensor sequence server service session set shadow shell signal signature size skip slave sleep slot socket space spare
		speed stack stage stale stall start state status stop storage store stream string subject success suspend swap switch sync system table tag target task
		temperature thread ticket time timeout timer token topic total trace track transfer trigger trust tunnel type unit unknown unlock update upload usage
		user valid value verify version volume wait wake warning watch watchdog window worker write zone`)
	programs = strings.Fields(`modbusd app-telemetry CRON sshd dbus-daemon avahi-daemon chronyd systemd systemd-logind nginx postgres dockerd mosquitto
		NetworkManager wpa_supplicant snmpd cupsd redis-server node_exporter rsyslogd smartd bluetoothd polkitd named zabbix_agentd collectd`)
	values = []string{"0", "1", "17", "250", "4096", "86400", "0x1f", "0x7f3a1c00", "12.5", "99%", "3/8", "10.20.4.17", "fe80::1", "02:11:22:33:44:55", "eth0", "/dev/ttyS1",
		"/var/lib/app/state.json", "'main'", "\"queue-3\"", "id=42", "[ok]", "(none)", "true", "null", "-1", "5s", "200", "v1.2.3", "usb 1-1:", "client-7"}
	marks = []string{" ", " ", " ", " ", ", ", ": ", "; ", " - ", "=", " -> "}
)

// salad writes one line of words in any order, as a log of that form has it.
func salad(r *rand.Rand, b *strings.Builder, form, n int) {
	second := n * 3
	switch form {
	case 0:
		fmt.Fprintf(b, "Jul %2d %02d:%02d:%02d gw-0042 %s[%d]: ", 1+second/86400%28, second/3600%24, second/60%60, second%60, programs[r.IntN(len(programs))], 300+r.IntN(3000))
	case 1:
		fmt.Fprintf(b, "[%5d.%06d] ", second, r.IntN(1e6))
	case 2:
		fmt.Fprintf(b, "2026-07-02T%02d:%02d:%02d.%03dZ %s %s ", second/3600%24, second/60%60, second%60, r.IntN(1000), []string{"INFO", "DEBUG", "WARN", "ERROR"}[r.IntN(4)], programs[r.IntN(len(programs))])
	case 3:
		fmt.Fprintf(b, "time=\"2026-07-02T%02d:%02d:%02dZ\" level=%s msg=\"", second/3600%24, second/60%60, second%60, []string{"info", "warning", "error"}[r.IntN(3)])
	}
	for w := range 3 + r.IntN(12) {
		if w > 0 {
			b.WriteString(marks[r.IntN(len(marks))])
		}
		if r.IntN(5) == 0 {
			b.WriteString(values[r.IntN(len(values))])
		} else if word := logWords[r.IntN(len(logWords))]; w == 0 && r.IntN(2) == 0 {
			b.WriteString(strings.ToUpper(word[:1]) + word[1:])
		} else {
			b.WriteString(word)
		}
	}
	if form == 3 {
		b.WriteByte('"')
	}
	b.WriteByte('\n')
}

// TestWordSalad reads megabytes of logs made of the words of logs in any order: no cause may be graded in any.
func TestWordSalad(t *testing.T) {
	engine := noiseEngine(t)
	r := rand.New(rand.NewPCG(9, 42))
	logs, size := 800, 0
	if testing.Short() {
		logs = 100
	}
	for n := range logs {
		var b strings.Builder
		for line := range 20 + r.IntN(300) {
			salad(r, &b, n%5, line)
		}
		size += b.Len()
		silent(t, engine, fmt.Sprintf("log %d", n), b.String())
	}
	t.Logf("%d logs, %d KB", logs, size/1000)
}

// TestRandomText reads text of letters in any order, and bytes in any order.
func TestRandomText(t *testing.T) {
	engine := noiseEngine(t)
	r := rand.New(rand.NewPCG(10, 42))
	for n := range 40 {
		b := make([]byte, 50_000)
		for i := range b {
			switch {
			case n%2 == 0:
				b[i] = byte(r.IntN(256))
			case r.IntN(60) == 0:
				b[i] = '\n'
			case r.IntN(6) == 0:
				b[i] = ' '
			default:
				b[i] = "etaoinshrdlucmfwypvbgkqjxz0123456789.:-_/()=ETAOINS"[r.IntN(51)]
			}
		}
		silent(t, engine, fmt.Sprintf("text %d", n), string(b))
	}
}

func noiseEngine(t *testing.T) *diagnosis.Engine {
	t.Helper()
	base, err := Embedded()
	if err != nil {
		t.Fatal(err)
	}
	engine, err := diagnosis.New(base)
	if err != nil {
		t.Fatal(err)
	}
	return engine
}

// silent fails where a cause is graded.
func silent(t *testing.T, e *diagnosis.Engine, name, text string) {
	t.Helper()
	a, err := e.Diagnose(context.Background(), diagnosis.Case{Inputs: []diagnosis.Input{{Name: name, Reader: strings.NewReader(text)}}})
	if err != nil {
		t.Fatal(err)
	}
	if a.Grade > diagnosis.Unknown {
		c := a.Conclusions[0]
		t.Errorf("%s: %s (%s, %.2f) by %s: %q", name, c.Cause, c.Grade, c.Score, c.For[0].Rule, c.For[0].Quote)
	}
}

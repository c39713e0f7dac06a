package diagnosis

import (
	"strings"
	"testing"
)

// shell returns rules of exit statuses.
func shell() []*Rule {
	return []*Rule{
		lineRule("generic.good", RoleSuccess, `^exit status 0 of `),
		lineRule("generic.bad", RoleSummary, `^exit status [1-9]\d* of `),
		lineRule("generic.curl", RoleSymptom, `^exit status 6 of (sudo )?curl`, w("network.dns", 80)),
	}
}

func TestExitStatus(t *testing.T) {
	for _, c := range []struct {
		name, log string
		cause     Cause
		quote     string
	}{
		{"it ended well", "root@gw:~# getfw\nconnection timed out\nretrying\nroot@gw:~# echo $?\n0\nroot@gw:~# \n", None, ""},
		{"the same ended well later", "gw:~# curl -s -O http://a/fw.bin\nconnection timed out\ngw:~# echo $?\n6\ngw:~# date\ngw:~# /usr/bin/curl -C - -O http://a/fw.bin\ngw:~# echo $?\n0\n", None, ""},
		{"another file's ended well later", "gw:~# curl -s -O http://a/fw.bin\ngw:~# echo $?\n6\ngw:~# curl -O http://a/other.bin\ngw:~# echo $?\n0\n", "network.dns", "gw:~# echo $? 6"},
		{"it did not, and the same had ended well", "gw:~# curl -O http://a/fw.bin\ngw:~# echo $?\n0\ngw:~# curl -O http://a/fw.bin\ngw:~# echo $?\n6\n", "network.dns", "gw:~# echo $? 6"},
		{"it did not", "root@gw:~# getfw\nconnection timed out\nroot@gw:~# echo $?\n1\n", "network.timeout", "connection timed out"},
		{"an earlier command did not", "root@gw:~# getfw\nconnection timed out\nroot@gw:~# ls -l\nfw.bin\nroot@gw:~# sum fw.bin\n17 fw.bin\nroot@gw:~# echo $?\n0\n", "network.timeout", "connection timed out"},
		{"the status names the cause", "gw:/data# cd /tmp\ngw:/tmp# curl -s -O http://a/b\ngw:/tmp# echo $?\n6\n", "network.dns", "gw:/tmp# echo $? 6"},
		{"behind a plain prompt, with CR", "$ sudo curl -s -O http://a/b\r\n$ echo $?\r\n6\r\n", "network.dns", "$ echo $? 6"},
		{"behind the times of a capture", "2026-11-21 12:44:26 # curl -s http://a\n2026-11-21 12:44:27 # echo $?\n2026-11-21 12:44:27 6\n", "network.dns", "# echo $? 6"},
		{"one that shows what others did", "root@gw:~# cat /var/log/up.log\nconnection timed out\nroot@gw:~# echo $?\n0\n", "network.timeout", "connection timed out"},
		{"that of a pipe's last part", "root@gw:~# getfw | tee log\nconnection timed out\nroot@gw:~# echo $?\n0\n", "network.timeout", "connection timed out"},
		{"no number", "gw:~# curl -s http://a\ngw:~# echo $?\nsh: 6: unknown\n", CannotTell, ""},
		{"no command", "echo $?\n6\n", CannotTell, ""},
		{"in the middle of a line", "gw:~# curl -s http://a\ngw:~# echo $? > status\n6\n", CannotTell, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := ask(t, small(t, shell()...), c.log)
			if c.cause == None && len(a.Ended) == 0 {
				t.Errorf("nothing ended: %+v", a)
			}
			if c.cause != a.Cause {
				t.Fatalf("%s: %+v", a.Cause, a.Conclusions)
			}
			if c.quote != "" && a.Conclusions[0].For[0].Quote != c.quote {
				t.Errorf("%q", a.Conclusions[0].For[0].Quote)
			}
		})
	}
}

// The place of an exit status is that of the question and the number.
func TestExitPlace(t *testing.T) {
	log := "first\ngw:~# curl -s http://a\ngw:~# echo $?\n6\nlast\n"
	p := ask(t, small(t, shell()...), log).Conclusions[0].For[0].Place
	if got := log[p.Offset : p.Offset+p.Length]; !strings.HasPrefix(got, "gw:~# echo $?\n6") || p.Line != 3 {
		t.Errorf("%q, line %d", got, p.Line)
	}
}

func TestRetry(t *testing.T) {
	again := lineRule("net.again", RoleRetry, `trying again`)
	for _, c := range []struct {
		name, log string
		cause     Cause
		why       string
	}{
		{"it failed again", "update begins\nconnection broke off\ntrying again\nname not resolved\n", "network.cut-off", ""},
		{"it went on", "update begins\nconnection broke off\ntrying again\nwriting block 1\nupper[1]: update failed\n", CannotTell, "it was tried again, and did not fail again"},
		{"in one line", "update begins\nconnection broke off, trying again\nwriting block 1\nupper[1]: update failed\n", CannotTell, "it was tried again, and did not fail again"},
		{"in one line, and again", "update begins\nconnection broke off, trying again\nwriting block 1\nconnection broke off\n", "network.cut-off", ""},
		{"that is all", "update begins\nconnection broke off\ntrying again\n", "network.cut-off", ""},
		{"another program's", "update begins\nhash mismatch\ntrying again\nwriting block 1\n", "package.corrupted", ""},
		{"of an earlier boot", "U-Boot 2023.01\nupdate begins\nconnection broke off\nU-Boot 2023.01\ntrying again\nwriting block 1\n", "network.cut-off", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := ask(t, small(t, again), c.log)
			if a.Cause != c.cause || c.why != "" && (len(a.Conclusions) == 0 || a.Conclusions[len(a.Conclusions)-1].For[0].Why != c.why) {
				t.Errorf("%s: %+v", a.Cause, a.Conclusions)
			}
		})
	}
}

package mask

import (
	"regexp"
	"strings"
)

// maxKeyLines bounds the lines of a private key whose end is missing: an RSA key of 8192 bits has 103.
const maxKeyLines = 120

var (
	masked   = regexp.MustCompile(`^\[(?:key|password|wifi|token|cookie|url|email|mac|serial|imei)-\d+\]$`)
	keyBegin = regexp.MustCompile(`-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----`)
	keyEnd   = regexp.MustCompile(`-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----`)
)

// What stands between a name and its value, and the value: in quotes (also those of JSON inside of JSON), or to the next
// blank.
const (
	between = `(?:\\*["']|%22)?\s*(?:=>|[:=]|%3[AaDd])\s*`
	value   = `(?:\\*"([^"\\]+)|\\*'([^'\\]+)|(?:%22)?([^\s"'&<>%]+))`
	number  = `(?:\\*["'])?#?\s*([A-Za-z0-9][A-Za-z0-9._/+-]{3,})`
)

// rule finds secrets of one kind: its groups are the values. hints are what stands in each line that it can match, in
// lower case; none stands for every line.
type rule struct {
	kind  Kind
	hints []string
	re    *regexp.Regexp
	ok    func(v string) bool // nil takes all
}

func named(kind Kind, names, what string, hints ...string) rule {
	return rule{kind: kind, hints: hints, re: regexp.MustCompile(`(?i)(?:^|[^A-Za-z0-9])[A-Za-z0-9_.-]*(?:` + names + `)[A-Za-z0-9_.-]*?` + between + what)}
}

var passWords = []string{"passw", "passphrase", "passcode", "pwd", "userpass", "kennwort", "_pass", "-pass", "pass=", "pass:", "\"pass\""}

var rules = []rule{
	{kind: URL, hints: []string{"://"}, re: regexp.MustCompile(`[A-Za-z][A-Za-z0-9+.-]*://([^\s/@"'<>]+(?::[^\s/"'<>]*)?)@`), ok: notMasked},
	{kind: Cookie, hints: []string{"cookie"}, re: regexp.MustCompile(`(?i)cookie2?(?:\\*["'])?\s*[:=]\s*(?:\\*["'])?([^"'\\\r\n]+)`)},
	{kind: Cookie, hints: []string{"sess", "sysauth", "sid="}, re: regexp.MustCompile(`(?i)\b(?:J?SESSION_?ID|PHPSESSID|ASPSESSIONID\w*|sysauth(?:_https?)?|connect\.sid|sid)=([^;\s"'&]+)`)},
	{kind: Password, hints: []string{"basic"}, re: regexp.MustCompile(`(?i)\bBasic\s+([A-Za-z0-9+/_-]{4,}={0,2})`)},
	{kind: Token, hints: []string{"bearer", "token"}, re: regexp.MustCompile(`(?i)\b(?:Bearer|GatewayToken|TargetToken|Token)\s+([A-Za-z0-9._~+/=-]{6,})`), ok: mixed},
	{kind: Token, hints: []string{"authorization"}, re: regexp.MustCompile(`(?i)authorization(?:\\*["'])?\s*[:=]\s*(?:\\*["'])?(?:[A-Za-z-]+\s+)?([^\s"'\\]{4,})`), ok: notMasked},
	{kind: Token, hints: []string{"eyj"}, re: regexp.MustCompile(`\b(eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*)*)`)},
	{kind: Token, re: regexp.MustCompile(`\b(gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|A[KS]IA[0-9A-Z]{16}|xox[abprs]-[\w-]{10,}|AIza[\w-]{30,}|sk-[\w-]{20,})`), hints: []string{"gh", "glpat", "akia", "asia", "xox", "aiza", "sk-"}},
	named(WiFi, `psk|wpa_?passphrase|sae_?password|wep_?key\d?|wi-?fi_?(?:pass|password|key|pwd)|wlan_?key|preshared_?key`, value, "psk", "wpa", "sae", "wep", "wifi", "wi-fi", "wlan", "preshared"),
	{kind: WiFi, hints: []string{"ssid"}, re: regexp.MustCompile(`(?i)(?:^|[^A-Za-z0-9])[A-Za-z0-9_.-]*ssid[A-Za-z0-9_]*?(?:\\*["'])?(?:\s*(?:[:=]|%3[AaDd])\s*|\s+)` + `(?:\\*"([^"\\]+)|\\*'([^'\\]+))`)},
	{kind: WiFi, hints: []string{"ssid"}, re: regexp.MustCompile(`(?i)(?:^|[^A-Za-z0-9])e?ssid\s*[:=]\s*([^\s"'\\,;()]+)`), ok: notMasked},
	{kind: WiFi, hints: []string{"connected with "}, re: regexp.MustCompile(`connected with ([^,]{1,64}), (?:aid|channel)`)},
	{kind: WiFi, hints: []string{"option", "list"}, re: regexp.MustCompile(`\b(?:option|list)\s+(?:key\d?|ssid|sae_password|wpa_psk)\s+(?:'([^']+)|"([^"]+)|(\S+))`)},
	named(Key, `private_?key|priv_?key|secret_?key|encryption_?key|(?:aes|hmac|app|nwk|network|link|master|root|sign(?:ing)?|device|unlock|license)_?key|unlock_?code`, value, "key", "unlock"),
	{kind: Key, hints: []string{"key"}, re: regexp.MustCompile(`(?i)\bkey(?:\\*["'])?\s*[:=]\s*(?:\\*["'])?(?:0x|hex:)?([0-9A-Fa-f]{32,}|[A-Za-z0-9+/]{42,}={0,2})`)},
	named(Password, `passw(?:or)?d|passwort|kennwort|passphrase|passcode|pwd|user_?pass|(?:^|[_.-])pass|\bpass`, value, passWords...),
	{kind: Password, hints: []string{">"}, re: regexp.MustCompile(`(?i)<[A-Za-z0-9:_-]*(?:pass|secret|token|psk|serial)[A-Za-z0-9:_-]*(?:\s[^>]*)?>([^<]+)<`)},
	{kind: Password, hints: []string{"passw", "passphrase"}, re: regexp.MustCompile(`(?i)\bpass(?:word|wd|phrase)(?:\s+is|\s+set\s+to)?\s+(?:"([^"]+)"|'([^']+)'|` + "`([^`]+)`)")},
	{kind: Password, hints: []string{"password is", "password set to"}, re: regexp.MustCompile(`(?i)\bpassword (?:is|set to):?\s+([^\s"']+)`)},
	{kind: Password, hints: []string{"--pass", "sshpass", "-pass"}, re: regexp.MustCompile(`(?i)(?:--?pass(?:word|wd|phrase)?|sshpass\s+-p)\s+["']?([^\s"']+)`)},
	{kind: Password, hints: []string{"option"}, re: regexp.MustCompile(`\boption\s+\w*(?:password|passwd|pin)\s+(?:'([^']+)|"([^"]+)|(\S+))`)},
	{kind: Password, hints: []string{"$"}, re: regexp.MustCompile(`(\$(?:1|2[abxy]|5|6|7|y|gy|sha1|md5|argon2id?)\$[^\s:"']{8,})`)},
	named(Token, `token|api_?key|apikey|client_?secret|secret|credential|access_?key|sas_?key|connection_?string`, value, "token", "api", "secret", "credential", "access", "sas", "connection"),
	{kind: Token, hints: []string{"=", "%3d"}, re: regexp.MustCompile(`(?i)[?&;](?:key|sig|signature|auth|hash|code|x-amz-signature|x-amz-credential|x-amz-security-token|policy)(?:=|%3D)([^&\s"'<>]{4,})`)},
	{kind: Email, hints: []string{"@", "%40"}, re: regexp.MustCompile(`([A-Za-z0-9._%+-]+(?:@|%40)[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,})`), ok: notUnit},
	{kind: MAC, hints: []string{":", "-"}, re: regexp.MustCompile(`(?i)(?:^|[^0-9a-f:-])([0-9a-f]{2}(?:[:-][0-9a-f]{2})+)`), ok: address},
	{kind: MAC, hints: []string{"."}, re: regexp.MustCompile(`(?i)(?:^|[^0-9a-f.])([0-9a-f]{4}\.[0-9a-f]{4}\.[0-9a-f]{4})(?:[^0-9a-f.]|$)`), ok: address},
	{kind: MAC, hints: []string{"mac", "addr", "bssid", "eui"}, re: regexp.MustCompile(`(?i)(?:mac|ethaddr|eth\daddr|wlanaddr|hwaddr|bssid|btaddr|eui)[a-z0-9_ -]{0,12}(?:\\*["'])?\s*[:=]?\s*(?:\\*["'])?((?:0x)?[0-9a-f]{12}(?:[0-9a-f]{4})?|[0-9a-f]{2}(?: [0-9a-f]{2}){5})(?:[^0-9a-f]|$)`)},
	{kind: IMEI, hints: []string{"imei", "meid"}, re: regexp.MustCompile(`(?i)\b(?:imei|meid)[a-z0-9_ ]{0,6}(?:\\*["'])?\s*[:=#]?\s*(?:\\*["'])?([0-9A-Fa-f]{14,16}|\d{2}-?\d{6}-?\d{6}-?\d{1,2})`)},
	{kind: IMEI, re: regexp.MustCompile(`(?:^|[^0-9A-Za-z.])(\d{15})(?:[^0-9A-Za-z.]|$)`), ok: luhn},
	{kind: Serial, hints: []string{"serial", "s/n", "sn", "iccid", "imsi", "chip", "unit", "device", "cid"}, re: regexp.MustCompile(
		`(?i)(?:^|[^A-Za-z0-9])[A-Za-z0-9_.]*(?:serial(?:[ _-]?(?:number|num|no|nr))?|id_serial(?:_short)?|s/n|\bsn|iccid|imsi|chip[ _-]?id|unit[ _-]?id|device[ _-]?id|\bcid)(?:\\*["'])?\s*(?:[:=#]|\bis\b|%3[AaDd])\s*` + number), ok: unitNumber},
	{kind: Serial, hints: []string{"serial"}, re: regexp.MustCompile(`(?i)serial[a-z_]*(?:\\*["'])?\s*[:=]\s*\\*"([^"\\]{4,})`), ok: notMasked},
}

// patterns masks what the rules find, line by line.
func (m *Masker) patterns(file, text string) string {
	var b strings.Builder
	b.Grow(len(text))
	inKey, keyName := 0, ""
	for len(text) > 0 {
		line, rest, more := strings.Cut(text, "\n")
		text = rest
		if !m.keep[Key] && file != "" {
			line, inKey, keyName = m.privateKey(file, line, inKey, keyName)
		}
		b.WriteString(m.line(file, line))
		if more {
			b.WriteByte('\n')
		}
	}
	return b.String()
}

// privateKey masks the lines of a private key: all of them, since logs put times before each.
func (m *Masker) privateKey(file, line string, in int, as string) (string, int, string) {
	if in > 0 {
		end := keyEnd.FindStringIndex(line)
		if in++; end == nil && in <= maxKeyLines {
			return as, in, as
		}
		if end == nil {
			return line, 0, ""
		}
		line, in = as+line[end[1]:], 0
	}
	for {
		begin := keyBegin.FindStringIndex(line)
		if begin == nil {
			return line, 0, ""
		}
		// Two keys are told apart by where they stand, since their lines come one by one.
		m.last[Key]++
		as = "[" + string(Key) + "-" + itoa(m.last[Key]) + "]"
		m.count(file, as, 1)
		end := keyEnd.FindStringIndex(line[begin[1]:])
		if end == nil {
			return line[:begin[0]] + as, 1, as
		}
		line = line[:begin[0]] + as + line[begin[1]+end[1]:]
	}
}

func itoa(n int) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + string(rune('0'+n%10))
}

// line masks what the rules find in one line.
func (m *Masker) line(file, line string) string {
	if len(line) < 4 {
		return line
	}
	low := strings.ToLower(line)
	for i := range rules {
		r := &rules[i]
		if m.keep[r.kind] || !r.hinted(low) {
			continue
		}
		if out := m.apply(file, line, r); out != line {
			line, low = out, strings.ToLower(out)
		}
	}
	return line
}

func (r *rule) hinted(low string) bool {
	for _, h := range r.hints {
		if strings.Contains(low, h) {
			return true
		}
	}
	return len(r.hints) == 0
}

// apply masks the values that one rule finds in a line.
func (m *Masker) apply(file, line string, r *rule) string {
	found := r.re.FindAllStringSubmatchIndex(line, -1)
	if found == nil {
		return line
	}
	var b strings.Builder
	at := 0
	for _, loc := range found {
		for g := 2; g+1 < len(loc); g += 2 {
			from, to := loc[g], loc[g+1]
			if from < at || to <= from {
				continue
			}
			v := line[from:to]
			if masked.MatchString(v) || strings.HasPrefix(v, "[") && masked.MatchString(strings.TrimRight(v, ",;.)}")) || r.ok != nil && !r.ok(v) {
				continue
			}
			as := m.name(r.kind, v)
			m.count(file, as, 1)
			b.WriteString(line[at:from])
			b.WriteString(as)
			at = to
		}
	}
	b.WriteString(line[at:])
	return b.String()
}

func notMasked(v string) bool { return !strings.Contains(v, "]") || !strings.HasPrefix(v, "[") }

// mixed keeps words of the language ("token expired") out.
func mixed(v string) bool {
	return strings.ContainsAny(v, "0123456789_=+/.~") || strings.ToLower(v) != v
}

// unitSuffixes end names of systemd's units, which look like e-mail addresses: getty@tty1.service.
var unitSuffixes = []string{".service", ".socket", ".target", ".timer", ".mount", ".device", ".slice", ".scope", ".path", ".swap"}

func notUnit(v string) bool {
	for _, s := range unitSuffixes {
		if strings.HasSuffix(v, s) {
			return false
		}
	}
	return true
}

// address reports whether a list of hexadecimal groups is an address of 48 or 64 bits, and not that of everyone or no one.
func address(v string) bool {
	bare := reduced(MAC, v)
	return (len(bare) == 12 || len(bare) == 16) && strings.Trim(bare, "0") != "" && strings.Trim(bare, "f") != ""
}

// unitNumber reports whether a word can be the number of one unit: it has a digit, and is no name of a driver.
func unitNumber(v string) bool {
	return strings.ContainsAny(v, "0123456789") && !strings.HasPrefix(v, "8250") && !strings.HasPrefix(v, "/dev/") && !strings.HasPrefix(v, "tty")
}

// luhn reports whether the last digit is the check digit of the others, as in an IMEI (ISO/IEC 7812-1).
func luhn(v string) bool {
	sum := 0
	for i := range len(v) {
		n := int(v[len(v)-1-i] - '0')
		if i%2 == 1 {
			if n *= 2; n > 9 {
				n -= 9
			}
		}
		sum += n
	}
	return sum%10 == 0 && strings.Trim(v, "0") != ""
}

package logs

import "testing"

func TestLevel(t *testing.T) {
	for line, want := range map[string]Severity{
		"[DEBUG] : SWUPDATE running : Parsing":                 Debug,
		"Nov 21 14:31:14 gw app[1]: [ERROR] : failed [INFO ] ": Warning,
		"time=\"2026\" level=info msg=\"x\"":                   Info,
		"11-21 14:31:14.123  1234  1245 D update_engine: it":   Debug,
		"11-21 14:31:14.123  1234  1245 E update_engine: it":   Warning,
		"E/recovery( 1234): it failed":                         Warning,
		"I (1234) esp_image: segment":                          Untold,
		"plain words":                                          Untold,
		"":                                                     Untold,
	} {
		if got := Level(line); got != want {
			t.Errorf("%q: %d, want %d", line, got, want)
		}
	}
}

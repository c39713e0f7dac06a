package host

import (
	"os/exec"
	"runtime"
)

// OpenLink asks the desktop to open an address in the browser of the user. It does not wait for the browser.
func OpenLink(url string) error {
	name, args := "xdg-open", []string{url}
	switch runtime.GOOS {
	case "darwin":
		name = "open"
	case "windows":
		name, args = "rundll32", []string{"url.dll,FileProtocolHandler", url}
	}
	cmd := exec.Command(name, args...)
	if err := cmd.Start(); err != nil {
		return err
	}
	go cmd.Wait() // so that it leaves no zombie; how the browser ends is its own business
	return nil
}

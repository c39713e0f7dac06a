// Command salvor saves the files of a device whose firmware update failed.
package main

import (
	"os"

	"salvor/host"
	"salvor/internal/cli"
)

func main() {
	if host.IsReader() {
		os.Exit(host.ServeReader())
	}
	os.Exit(cli.Main(os.Args[1:], os.Stdout, os.Stderr))
}

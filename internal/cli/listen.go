package cli

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"salvor/rescue"
	"salvor/ui"
)

// listenFlags say how other computers reach the graphical mode.
type listenFlags struct {
	address, contentHost, passwordFile, cert, key string
	selfMade                                      bool
}

func (l *listenFlags) add(cmd *cobra.Command) {
	s := cmd.Flags()
	s.StringVar(&l.address, "listen", "", "let other computers reach it at `HOST[:PORT]`, a name or an address of this one; needs a password and TLS")
	s.StringVar(&l.contentHost, "content-host", "", "another `NAME` or address of this computer, from which contents of files are handed out")
	s.StringVar(&l.passwordFile, "password-file", "", "`FILE` with the password for --listen, at least 12 characters; without it the terminal asks")
	s.StringVar(&l.cert, "tls-cert", "", "`FILE` with the certificate for --listen, and those it is signed by (PEM)")
	s.StringVar(&l.key, "tls-key", "", "`FILE` with the key of the certificate (PEM)")
	s.BoolVar(&l.selfMade, "tls-self-made", false, "make a certificate for --listen, and print its fingerprint to compare")
}

// split returns the host and the port of the address; 0 where it names none.
func (l *listenFlags) split() (host string, port int, err error) {
	host = l.address
	if _, err := netip.ParseAddr(host); err != nil { // else it is an address as a whole, perhaps with colons
		if i := strings.LastIndexByte(host, ':'); i >= 0 {
			if port, err = strconv.Atoi(host[i+1:]); err != nil || port < 0 || port > 65535 {
				return "", 0, fmt.Errorf("--listen %s: expected HOST or HOST:PORT", l.address)
			}
			host = host[:i]
		}
		host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	}
	return host, port, nil
}

// apply makes the options into those of the pages, and refuses what would let in who should not.
func (l *listenFlags) apply(ctx context.Context, a *app, o *ui.Options) error {
	if l.address == "" {
		if l.contentHost+l.passwordFile+l.cert+l.key != "" || l.selfMade {
			return errors.New("--content-host, --password-file, --tls-cert, --tls-key and --tls-self-made belong to --listen")
		}
		return nil
	}
	host, port, err := l.split()
	if err != nil {
		return err
	}
	if port != 0 && o.Port != 0 && port != o.Port {
		return fmt.Errorf("--listen %s and --port %d: only one port", l.address, o.Port)
	}
	if port != 0 {
		o.Port = port
	}
	if host == "127.0.0.1" || host == "::1" || strings.EqualFold(host, "localhost") {
		return nil // as without it
	}
	r := ui.Remote{Host: host, Port: o.Port, ContentHost: l.contentHost}
	if err := r.Names(); err != nil {
		return err
	}
	switch {
	case l.selfMade && l.cert+l.key != "":
		return errors.New("--tls-self-made and --tls-cert: only one of them")
	case l.selfMade:
		names := []string{r.Host}
		if r.ContentHost != "" {
			names = append(names, r.ContentHost)
		}
		r.Certificate, err = ui.SelfMade(names...)
	case l.cert == "" || l.key == "":
		return fmt.Errorf("--listen %s: others can reach that, and could read along: it needs TLS. Name --tls-cert and --tls-key, or --tls-self-made makes a certificate", l.address)
	default:
		r.Certificate, err = tls.LoadX509KeyPair(l.cert, l.key)
	}
	if err != nil {
		return fmt.Errorf("TLS: %w", err)
	}
	if r.Password, err = l.password(ctx, a); err != nil {
		return err
	}
	o.Remote = &r
	return nil
}

// password reads the password, or asks for it twice without showing it.
func (l *listenFlags) password(ctx context.Context, a *app) (*ui.Password, error) {
	if l.passwordFile != "" {
		text, err := readSecret(l.passwordFile, maxPhrase)
		if err == nil {
			text, err = rescue.OneLine(text)
		}
		defer clear(text)
		if err != nil {
			return nil, fmt.Errorf("--password-file: %w", err)
		}
		p, err := ui.NewPassword(text)
		if err != nil {
			return nil, fmt.Errorf("--password-file %s: %w", l.passwordFile, err)
		}
		return p, nil
	}
	in := int(os.Stdin.Fd())
	if !term.IsTerminal(in) {
		return nil, fmt.Errorf("--listen %s: others can reach that: it needs a password. Name a file with --password-file, or start it in a terminal, which asks", l.address)
	}
	first, err := prompt(ctx, a.err, in, "A password for who opens the pages, at least 12 characters: ")
	defer clear(first)
	if err != nil {
		return nil, err
	}
	again, err := prompt(ctx, a.err, in, "The same once more: ")
	defer clear(again)
	if err != nil {
		return nil, err
	}
	if string(first) != string(again) {
		return nil, errors.New("these are two passwords")
	}
	return ui.NewPassword(first)
}

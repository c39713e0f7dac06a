package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

const (
	// healthArgument starts a process that asks a disk for its pages, as readerArgument starts one that reads it: a disk
	// that is dying may not answer that either.
	healthArgument = "__salvor-ask-health"
	healthDeadline = 15 * time.Second
	// maxHealth is more than all pages take, in bytes.
	maxHealth = 1 << 20
)

// asker gives the pages of the disk that f is open of, or that f is a part of.
type asker func(ctx context.Context, f *os.File, transport string) (healthPages, error)

// HealthOf returns what the storage of an open device says of itself: figures that the system keeps of eMMC and SD cards,
// and those that SATA, SCSI and NVMe disks give when they are asked. Disks behind USB are not asked: some bridges hang
// for good when they get a command that they do not know, and the source is one that must not be lost now. It comes
// back within some seconds, also where the disk does not answer.
func HealthOf(ctx context.Context, o *Opened) Health {
	if o.grant != nil {
		return o.system.healthOf(ctx, o, o.grant.askHealth)
	}
	return o.system.healthOf(ctx, o, askByProcess)
}

func (s System) healthOf(ctx context.Context, o *Opened, ask asker) Health {
	if !o.Device {
		return Health{}
	}
	var h Health
	if name, err := s.deviceName(o.Real); err == nil {
		h = s.cardHealth(s.wholeDisk(name))
	}
	switch o.Transport {
	case "sata", "scsi", "nvme":
	default:
		return h
	}
	ctx, cancel := context.WithTimeout(ctx, healthDeadline)
	defer cancel()
	pages, err := ask(ctx, o.file, o.Transport)
	if errors.Is(err, context.DeadlineExceeded) {
		h.Silent = true
	}
	if err == nil && !pages.empty() {
		pages.into(&h)
	}
	return h
}

// askByProcess asks by a process of its own, which gets the read-only descriptor and nothing else.
func askByProcess(ctx context.Context, f *os.File, transport string) (healthPages, error) {
	var pages healthPages
	if os.Getenv(readerVariable) != "" {
		return pages, errors.New("host: a reader process cannot start another")
	}
	exe, err := os.Executable()
	if err != nil {
		return pages, err
	}
	in, out, err := os.Pipe()
	if err != nil {
		return pages, err
	}
	defer in.Close()
	cmd := exec.Command(exe, healthArgument)
	cmd.Env = append(readerEnvironment(), readerVariable+"=1", transportVariable+"="+transport)
	cmd.Dir = string(os.PathSeparator)
	cmd.Stdout, cmd.ExtraFiles, cmd.SysProcAttr = out, []*os.File{f}, readerAttributes()
	err = cmd.Start()
	out.Close()
	if err != nil {
		return pages, err
	}
	type answer struct {
		b   []byte
		err error
	}
	done := make(chan answer, 1)
	go func() {
		b, err := io.ReadAll(io.LimitReader(in, maxHealth))
		done <- answer{b, err}
	}()
	defer func() {
		_ = cmd.Process.Kill()         // it may have ended already
		go func() { _ = cmd.Wait() }() // one that is stuck in the system cannot be waited for
	}()
	select {
	case a := <-done:
		if a.err != nil {
			return pages, a.err
		}
		if err := json.Unmarshal(a.b, &pages); err != nil {
			return healthPages{}, fmt.Errorf("host: health: %w", err)
		}
		return pages, nil
	case <-ctx.Done():
		return pages, ctx.Err()
	}
}

// transportVariable tells the asking process which commands the disk knows.
const transportVariable = "SALVOR_READER_TRANSPORT"

// serveHealth asks the disk of the descriptor that the parent passed, and prints what it says.
func serveHealth(out io.Writer) error {
	if err := checkDescriptor(readerFD); err != nil {
		return err
	}
	pages := askDevice(readerFD, os.Getenv(transportVariable))
	return json.NewEncoder(out).Encode(pages)
}

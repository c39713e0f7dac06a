//go:build linux

// Command limit runs one program of a bench under limits of time and of what it may write, and notes what it cost.
//
//	limit -name NAME -record FILE [-seconds N] [-mib N] [-log FILE] -dir FOLDER COMMAND...
//
// The command runs in FOLDER, in a process group of its own, with nothing to read. When FOLDER holds more than N MiB, or
// the time is over, the whole group is killed. One line is added to FILE: "name seconds peak-KiB exit-code processor-seconds"; the code is
// 124 after the time, 125 after the size. The peak is that of the largest process. The code of limit is 0 whatever
// the command did, so that a program that crashes is measured too.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// Codes of commands that were stopped, as timeout(1) has them.
const (
	tooLong  = 124
	tooLarge = 125
)

type limits struct {
	time  time.Duration
	bytes int64
	poll  time.Duration // how often the size is looked at
}

type cost struct {
	seconds float64
	peak    int64 // KiB
	code    int
	work    float64 // seconds that a processor worked for it and its children
}

func main() {
	name := flag.String("name", "", "of the program, in the record")
	record := flag.String("record", "", "file to which the line is added")
	seconds := flag.Float64("seconds", 600, "limit of time")
	mib := flag.Int64("mib", 8192, "limit of what FOLDER holds")
	log := flag.String("log", os.DevNull, "file for what the command says")
	dir := flag.String("dir", "", "folder to which the command writes")
	flag.Parse()
	if *name == "" || *record == "" || *dir == "" || flag.NArg() == 0 {
		flag.Usage()
		os.Exit(2)
	}
	c, err := run(limits{time.Duration(*seconds * float64(time.Second)), *mib << 20, 100 * time.Millisecond}, *dir, *log, flag.Args())
	if err == nil {
		err = note(*record, *name, c)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "limit:", err)
		os.Exit(1)
	}
}

// run runs args in dir and says what it cost. An error means that it could not be run.
func run(l limits, dir, log string, args []string) (cost, error) {
	out, err := os.Create(log)
	if err != nil {
		return cost{}, err
	}
	defer out.Close()
	ctx, cancel := context.WithTimeout(context.Background(), l.time)
	defer cancel()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 10 * time.Second
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		return cost{}, err
	}
	ended := make(chan struct{})
	watched := make(chan bool)
	go func() { watched <- l.watch(dir, ended, cancel) }()
	err = cmd.Wait()
	c := cost{seconds: time.Since(begin).Seconds(), code: cmd.ProcessState.ExitCode()}
	close(ended)
	large := <-watched
	c.work = (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		c.peak = usage.Maxrss
	}
	var exit *exec.ExitError
	switch {
	case large:
		c.code = tooLarge
	case ctx.Err() != nil:
		c.code = tooLong
	case err != nil && !errors.As(err, &exit):
		return c, err
	case c.code < 0: // a signal, as a shell tells it
		c.code = 128
		if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			c.code += int(status.Signal())
		}
	}
	return c, nil
}

// watch stops the command when dir holds too much, and says whether it did.
func (l limits) watch(dir string, ended <-chan struct{}, stop func()) bool {
	tick := time.NewTicker(l.poll)
	defer tick.Stop()
	for {
		select {
		case <-ended:
			return false
		case <-tick.C:
			if size(dir) > l.bytes {
				stop()
				<-ended
				return true
			}
		}
	}
}

// size returns the bytes that the files of a folder take on its medium.
func size(dir string) int64 {
	var n int64
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil // gone in the meantime
		}
		if info, err := d.Info(); err == nil {
			if s, ok := info.Sys().(*syscall.Stat_t); ok && info.Mode().IsRegular() {
				n += s.Blocks * 512
			}
		}
		return nil
	})
	return n
}

func note(path, name string, c cost) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(f, "%s %.2f %d %d %.2f\n", name, c.seconds, c.peak, c.code, c.work); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

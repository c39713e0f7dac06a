package host

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// privateEnv makes this program the owner of a private folder in the folder that it names.
const privateEnv = "SALVOR_TEST_PRIVATE"

// ownPrivate makes a private folder with a file in it, says its name, and waits.
func ownPrivate(parent string) int {
	p, err := NewPrivateFolder(parent)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	if err := os.WriteFile(filepath.Join(p.Dir(), "log.txt"), []byte("Update failed\n"), 0o600); err != nil {
		return 1
	}
	fmt.Println(p.Dir())
	io.Copy(io.Discard, os.Stdin) // until it is killed
	return 0
}

func TestPrivateFolder(t *testing.T) {
	parent := filepath.Join(t.TempDir(), "cache", "salvor")
	p, err := NewPrivateFolder(parent)
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{parent, p.Dir()} {
		if st, err := os.Stat(dir); err != nil || st.Mode().Perm() != 0o700 {
			t.Errorf("%s: %v, %v", dir, st.Mode(), err)
		}
	}
	writeFile(t, filepath.Join(p.Dir(), "a"), []byte("x"))
	if err := RemoveLeft(parent); err != nil {
		t.Fatal(err)
	}
	if FileSize(filepath.Join(p.Dir(), "a")) != 1 {
		t.Error("one in use was removed")
	}
	if err := p.Remove(); err != nil {
		t.Error(err)
	}
	if IsFolder(p.Dir()) {
		t.Error("it stayed")
	}
	if err := RemoveLeft(filepath.Join(parent, "none")); err != nil {
		t.Error(err)
	}
}

// A program that is killed leaves its folder, and the next one removes it.
func TestPrivateFolderAfterAKill(t *testing.T) {
	parent := t.TempDir()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), privateEnv+"="+parent)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	dir := line[:len(line)-1]
	if err := RemoveLeft(parent); err != nil || !IsFolder(dir) {
		t.Errorf("%s of a program that runs: there %v, %v", dir, IsFolder(dir), err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if FileSize(filepath.Join(dir, "log.txt")) < 0 {
		t.Fatal("killed, and yet all was gone")
	}
	if err := RemoveLeft(parent); err != nil || IsFolder(dir) {
		t.Errorf("it stayed: %v", err)
	}
}

// What is not known to be left stays: what others put there, and what is just being made.
func TestOthersStandBesidePrivateFolders(t *testing.T) {
	parent, elsewhere := t.TempDir(), t.TempDir()
	young, old := filepath.Join(parent, privatePrefix+"young"), filepath.Join(parent, privatePrefix+"old")
	for _, dir := range []string{young, old, filepath.Join(parent, "holiday")} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	writeFile(t, filepath.Join(elsewhere, "kept"), []byte("x"))
	if err := os.Symlink(elsewhere, filepath.Join(parent, privatePrefix+"link")); err != nil {
		t.Fatal(err)
	}
	long := time.Now().Add(-time.Hour)
	if err := os.Chtimes(old, long, long); err != nil {
		t.Fatal(err)
	}
	if err := RemoveLeft(parent); err != nil {
		t.Fatal(err)
	}
	if !IsFolder(young) || IsFolder(old) || !IsFolder(filepath.Join(parent, "holiday")) || FileSize(filepath.Join(elsewhere, "kept")) != 1 {
		t.Errorf("young %v, old %v", IsFolder(young), IsFolder(old))
	}
}

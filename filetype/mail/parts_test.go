package mail_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"salvor/block"
	"salvor/filetype"
)

// mailbox is a mailbox of n mails, each with a text and a picture in base64.
func mailbox(seed uint64, n int) []byte {
	r := rand.New(rand.NewPCG(seed, 1))
	var b bytes.Buffer
	for i := range n {
		mark := fmt.Sprintf("===============%d%d==", r.Uint64(), i)
		fmt.Fprintf(&b, "From a@example.org Wed Feb 11 08:00:00 2026\nFrom: ada@example.org\nTo: bo@example.net\nSubject: Tide %d\n"+
			"Date: Wed, 11 Feb 2026 08:00:00 -0000\nMIME-Version: 1.0\nContent-Type: multipart/mixed;\n boundary=\"%s\"\n\n--%s\n"+
			"Content-Type: text/plain; charset=\"utf-8\"\nContent-Transfer-Encoding: 7bit\n\n%s\n--%s\nContent-Type: image/jpeg\n"+
			"Content-Transfer-Encoding: base64\n\n", i, mark, mark, strings.Repeat("The light was lit at dusk.\n", 20), mark)
		picture := make([]byte, 9000+r.IntN(2000))
		for j := range picture {
			picture[j] = byte(r.Uint32())
		}
		for p := base64.StdEncoding.EncodeToString(picture); len(p) > 0; p = p[min(len(p), 76):] {
			b.WriteString(p[:min(len(p), 76)] + "\n")
		}
		fmt.Fprintf(&b, "\n--%s--\n\n", mark)
	}
	return b.Bytes()
}

// Where the sectors of another mailbox stand in the middle of one, it is not whole, and what is good of it ends before them.
func TestForeignSectors(t *testing.T) {
	box, other := mailbox(1, 4), mailbox(2, 4)
	mbox := format(t, "mbox")
	r, err := mbox.Examine(t.Context(), block.Bytes(box))
	if err != nil || r.Verdict != filetype.Consistent || r.Hints.Title != "Tide 0" {
		t.Fatalf("%v %v %v", r.Verdict, r.Findings, err)
	}
	whole, late, tried := 0, 0, 0
	for cut := 512; cut < len(box)-512; cut += 512 {
		for _, from := range []int{cut, 4096 + cut%7*512} {
			tried++
			joined := append(bytes.Clone(box[:cut]), other[min(from, len(other)):]...)
			r, err := mbox.Examine(t.Context(), block.Bytes(joined))
			switch {
			case err != nil:
				t.Errorf("cut at %d: %v", cut, err)
			case r.Verdict >= filetype.Consistent:
				whole++
			case r.GoodUntil > int64(cut)+128 && r.Verdict == filetype.Damaged:
				late++
			case r.Verdict == filetype.Damaged && !strings.Contains(r.Findings[0].String(), "expected"):
				t.Errorf("cut at %d: %v", cut, r.Findings)
			}
		}
	}
	// Lines of base64 that happen to meet at the right column are not told from others.
	if whole*20 > tried || late*20 > tried {
		t.Errorf("%d of %d are called whole, %d good for longer than they are", whole, tried, late)
	}
	r, err = mbox.Examine(t.Context(), block.Bytes(box[:len(box)/2]))
	if err != nil || r.Verdict != filetype.Partial {
		t.Errorf("half a mailbox: %v %v %v", r.Verdict, r.Findings, err)
	}
}

// Mails inside of mails, parts in parts, and what stands behind the last part are read as they are meant.
func TestParts(t *testing.T) {
	const nested = "From: a@example.org\nTo: b@example.org\nDate: Wed, 11 Feb 2026 08:00:00 -0000\nSubject: Nested\nMIME-Version: 1.0\n" +
		"Content-Type: multipart/mixed; boundary=outer\n\nfor old readers\n--outer\nContent-Type: multipart/alternative;\n boundary=\"inner\"\n\n" +
		"--inner\nContent-Type: text/plain\n\nplain\n--inner\nContent-Type: text/html\nContent-Transfer-Encoding: BASE64\n\nPGI+Ym9sZDwvYj4=\n--inner--\n\n" +
		"--outer\nContent-Type: text/plain\nContent-Transfer-Encoding: base64\n\n%s\n--outer--\n"
	for body, want := range map[string]filetype.Verdict{
		"Ym9sZA==": filetype.Consistent,
		"Ym9sZGJvbGRib2xk\nYm9sZGJvbGRib2xk\nYm8=": filetype.Consistent,
		"not base64 at all":                        filetype.Damaged,
		"Ym9sZGJv\nYm9sZGJvbGRib2xk\nYm8=":         filetype.Damaged,
	} {
		r, err := format(t, "eml").Examine(t.Context(), block.Bytes([]byte(fmt.Sprintf(nested, body))))
		if err != nil || r.Verdict != want {
			t.Errorf("%q: %v %v %v", body, r.Verdict, r.Findings, err)
		}
	}
}

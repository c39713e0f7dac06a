package filetypetest_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"hash/crc32"
	"testing"

	"salvor/block"
	"salvor/block/probe"
	"salvor/filetype"
	"salvor/filetype/filetypetest"
)

// toy is a format of its own: "TOY!", a length, that many bytes, and the CRC-32 of all before it.
var toy = filetype.Format{
	Name: "toy", Class: filetype.Other, Extensions: []string{"toy"}, Ceiling: filetype.Proven, Carve: true,
	Signatures: []probe.Probe{{ID: "toy.magic", Bytes: []byte("TOY!")}},
	Examine: func(ctx context.Context, src block.Source) (filetype.Report, error) {
		var r filetype.Report
		s := filetype.NewStream(ctx, src, 0)
		head, err := s.Peek(8)
		if len(head) >= 4 && string(head[:4]) != "TOY!" || len(head) < 4 && ctx.Err() == nil {
			return r, filetype.ErrNot
		}
		if err != nil {
			r.Size = 12
			return r, filetype.Stopped(src, &r, "toy", int64(len(head)), 12, "the head", err)
		}
		n := int64(binary.LittleEndian.Uint32(head[4:]))
		r.Size = 8 + n + 4
		sum := crc32.NewIEEE()
		if err := s.Skip(8+n, func(p []byte) { sum.Write(p) }); err != nil {
			r.GoodUntil = s.Offset()
			return r, filetype.Stopped(src, &r, "toy", s.Offset(), r.Size, "content", err)
		}
		r.GoodUntil = s.Offset()
		tail, err := s.Peek(4)
		if err != nil {
			return r, filetype.Stopped(src, &r, "toy", s.Offset()+int64(len(tail)), r.Size, "the sum", err)
		}
		if binary.LittleEndian.Uint32(tail) != sum.Sum32() {
			r.Verdict = filetype.Damaged
			r.Findings = append(r.Findings, filetype.NoProof.New())
			return r, nil
		}
		r.Verdict, r.GoodUntil = filetype.Proven, r.Size
		return r, nil
	},
}

func toyFile(n int) []byte {
	b := append([]byte("TOY!"), binary.LittleEndian.AppendUint32(nil, uint32(n))...)
	b = append(b, bytes.Repeat([]byte("content "), n/8+1)[:n]...)
	return binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
}

// The suite passes for a format that keeps its promises.
func TestSuite(t *testing.T) {
	filetypetest.Run(t, toy, []filetypetest.Sample{
		{Name: "small", Data: toyFile(10), Verdict: filetype.Proven},
		{Name: "large", Data: toyFile(300000), Verdict: filetype.Proven},
	})
}

func TestCheck(t *testing.T) {
	src := block.Bytes(make([]byte, 100))
	why := []string{}
	for name, r := range map[string]filetype.Report{
		"behind the source": {Verdict: filetype.Proven, Size: 200, GoodUntil: 200},
		"proven, not good":  {Verdict: filetype.Proven, Size: 100, GoodUntil: 50},
		"proven, missing":   {Verdict: filetype.Proven, Size: 100, GoodUntil: 100, Missing: block.SetOf(block.Extent{Length: 1})},
		"no reason":         {Verdict: filetype.Damaged, Size: 100},
	} {
		if filetypetest.Check(toy, src, r) == nil {
			why = append(why, name)
		}
	}
	if len(why) > 0 {
		t.Errorf("accepted: %v", why)
	}
	if err := filetypetest.Check(toy, src, filetype.Report{Verdict: filetype.Proven, Size: 90, GoodUntil: 90}); err != nil {
		t.Error(err)
	}
}

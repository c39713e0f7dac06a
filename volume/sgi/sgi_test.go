package sgi

import (
	"testing"

	"salvor/volume/volumetest"
)

func TestFixtures(t *testing.T) {
	for _, c := range []struct {
		name   string
		damage func([]byte)
		want   string
	}{
		{name: "whole", want: "sgi@0/512 valid 1:63+1606437 2:1606500+30523500 9:0+4096c 11:0+32130000c"},
		{name: "checksum", damage: func(b []byte) { b[100]++ }, want: "sgi@0/512 1:63+1606437 2:1606500+30523500 9:0+4096c 11:0+32130000c sgi.checksum"},
		{name: "no magic", damage: func(b []byte) { b[0]++ }, want: ""},
		{name: "cut", damage: func(b []byte) { clear(b[312:]) }, want: "sgi@0/512 sgi.checksum"},
	} {
		img := volumetest.Fixture(t, "sgi.img")
		if c.damage != nil {
			c.damage(img)
		}
		if got := volumetest.Describe(volumetest.Read(t, Scheme(), img)); got != c.want {
			t.Errorf("%s: got  %s\nwant %s", c.name, got, c.want)
		}
	}
}

func TestDamage(t *testing.T) {
	volumetest.Damage(t, Scheme(), volumetest.Fixture(t, "sgi.img")[:1<<20])
}

func FuzzRead(f *testing.F) {
	volumetest.Fuzz(f, Scheme(), volumetest.Fixture(f, "sgi.img")[:1024])
}

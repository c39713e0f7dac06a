package array

// Rotation says on which parts of a stripe the parity stands, and in which order the data. The numbers are those of
// the Linux driver, which LVM shares.
type Rotation int

// The rotations of RAID 5. Those up to ParityLast are rotations of RAID 6 too.
const (
	LeftAsymmetric  Rotation = 0
	RightAsymmetric Rotation = 1
	LeftSymmetric   Rotation = 2
	RightSymmetric  Rotation = 3
	ParityFirst     Rotation = 4
	ParityLast      Rotation = 5
)

// The rotations that only RAID 6 has: those of DDF, and those of RAID 5 with Q on a part of its own.
const (
	ZeroRestart      Rotation = 8
	LastRestart      Rotation = 9
	LastContinue     Rotation = 10
	LeftAsymmetric6  Rotation = 16
	RightAsymmetric6 Rotation = 17
	LeftSymmetric6   Rotation = 18
	RightSymmetric6  Rotation = 19
	ParityFirst6     Rotation = 20
)

var rotationText = map[Rotation]string{
	LeftAsymmetric: "left-asymmetric", RightAsymmetric: "right-asymmetric", LeftSymmetric: "left-symmetric",
	RightSymmetric: "right-symmetric", ParityFirst: "parity-first", ParityLast: "parity-last",
	ZeroRestart: "ddf-zero-restart", LastRestart: "ddf-N-restart", LastContinue: "ddf-N-continue",
	LeftAsymmetric6: "left-asymmetric-6", RightAsymmetric6: "right-asymmetric-6", LeftSymmetric6: "left-symmetric-6",
	RightSymmetric6: "right-symmetric-6", ParityFirst6: "parity-first-6",
}

// String returns the name that mdadm gives it, "" for none.
func (r Rotation) String() string { return rotationText[r] }

// valid reports whether arrays of that level have the rotation.
func (r Rotation) valid(level int) bool {
	switch {
	case r >= LeftAsymmetric && r <= ParityLast:
		return true
	case level == 6:
		return r.String() != ""
	}
	return false
}

// five returns the parts of parity and of the data'th data chunk in a stripe over n parts.
func (r Rotation) five(stripe int64, data, n int) (part, p int) {
	turn := int(stripe % int64(n))
	switch r {
	case LeftAsymmetric:
		p = n - 1 - turn
		return skip(data, p), p
	case RightAsymmetric:
		p = turn
		return skip(data, p), p
	case LeftSymmetric:
		p = n - 1 - turn
		return (p + 1 + data) % n, p
	case RightSymmetric:
		p = turn
		return (p + 1 + data) % n, p
	case ParityFirst:
		return data + 1, 0
	}
	return data, n - 1
}

// skip counts data chunks over the part p.
func skip(data, p int) int {
	if data >= p {
		return data + 1
	}
	return data
}

// six returns the parts of P, of Q and of the data'th data chunk in a stripe over n parts.
func (r Rotation) six(stripe int64, data, n int) (part, p, q int) {
	turn := int(stripe % int64(n))
	// beside counts data chunks over P at p and Q behind it; where P stands on the last part, Q is on the first.
	beside := func(p int) (int, int, int) {
		switch {
		case p == n-1:
			return data + 1, p, 0
		case data >= p:
			return data + 2, p, p + 1
		}
		return data, p, p + 1
	}
	switch r {
	case LeftAsymmetric:
		return beside(n - 1 - turn)
	case RightAsymmetric, ZeroRestart:
		return beside(turn)
	case LeftSymmetric:
		p = n - 1 - turn
		return (p + 2 + data) % n, p, (p + 1) % n
	case RightSymmetric:
		return (turn + 2 + data) % n, turn, (turn + 1) % n
	case ParityFirst:
		return data + 2, 0, 1
	case ParityLast:
		return data, n - 2, n - 1
	case LastRestart:
		return beside(n - 1 - int((stripe+1)%int64(n)))
	case LastContinue:
		p = n - 1 - turn
		return (p + 1 + data) % n, p, (p + n - 1) % n
	}
	part, p = (r - LeftAsymmetric6).five(stripe, data, n-1)
	return part, p, n - 1
}

// ddf reports whether the chunks count for Q by the part that they stand on.
func (r Rotation) ddf() bool { return r == ZeroRestart || r == LastRestart || r == LastContinue }

package all

import (
	"salvor/volume"
	"salvor/volume/bitlocker"
	"salvor/volume/filevault"
	"salvor/volume/lp"
	"salvor/volume/luks"
	"salvor/volume/lvm"
	"salvor/volume/md"
)

// Stacks returns a row for each kind of set, those below others first: a volume group on a RAID set is common.
func Stacks() []volume.Stack { return []volume.Stack{lp.Stack(), md.Stack(), lvm.Stack()} }

// Locks returns a row for each kind of encrypted volume.
func Locks() []volume.Lock { return []volume.Lock{luks.Lock(), bitlocker.Lock(), filevault.Lock()} }

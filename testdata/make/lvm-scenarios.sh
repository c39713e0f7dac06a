# The volume groups that lvm.sh makes, in the language of its virtual machine. Sourced by lvm.sh.

# Linear volumes in pieces over three disks, names with signs, tags, one removed, one that is hidden from nobody.
group "1 2 3"
lv lvcreate -q -y -Wn -l 40 -n root vg $(disk 1)
lv lvcreate -q -y -Wn -l 20 -n "data-1.x_y+z" --addtag "a/b=c" vg $(disk 1)
lv lvcreate -q -y -Wn -l 10 -n gone vg $(disk 1)
lv lvextend -q -l +15 vg/root $(disk 2)
lv lvremove -q -y vg/gone
lv lvextend -q -l +12 vg/root $(disk 1)
lv lvcreate -q -y -Wn -l 30 -n third vg $(disk 3)
fill root 0
fill "data-1.x_y+z" 2000
fill third 3000
truth linear root "data-1.x_y+z" third
save linear
wipe

# Striped over three, extended by a linear piece.
group "1 2 3"
lv lvcreate -q -y -Wn -i 3 -I 16k -l 60 -n wide vg
lv lvcreate -q -y -Wn -i 2 -I 4k -l 20 -n narrow vg
lv lvextend -q -i 1 -l +9 vg/wide $(disk 3)
fill wide 0
fill narrow 2000
truth striped wide narrow
save striped
wipe

# Mirrors of the old kind, with a log on disk and without.
group "1 2 3"
lv lvcreate -q -y -Wn --type mirror -m 1 --mirrorlog disk -l 20 -n logged vg
lv lvcreate -q -y -Wn --type mirror -m 2 --mirrorlog core -l 20 -n three vg
insync logged
insync three
fill logged 0
fill three 1000
truth mirror logged three
save mirror
wipe

# Every RAID segment.
group "1 2 3 4 5 6"
for r in "raid1 -m 2" "raid0 -i 3 -I 16k" "raid0_meta -i 3 -I 16k" "raid4 -i 3 -I 16k" "raid10 -m 1 -i 2 -I 16k"; do
	set -- $r
	name=$1
	lv lvcreate -q -y -Wn --type "$@" -l 24 -n $name vg
	insync $name
	fill $name 0
done
truth raid raid1 raid0 raid0_meta raid4 raid10
save raid
wipe
for list in "raid5_la raid5_ra raid5_ls raid5_rs raid5_n" "raid6_zr raid6_nr raid6_nc raid6_n_6" "raid6_la_6 raid6_ra_6 raid6_ls_6 raid6_rs_6"; do
	set -- $list
	first=$1
	group "1 2 3 4 5 6"
	for r in $list; do
		lv lvcreate -q -y -Wn --type $r -i 3 -I 16k -l 15 -n $r vg
		insync $r
		fill $r 100
	done
	truth $first $list
	save $first
	wipe
done

# Thin: two volumes and a snapshot, written before and after, holes, discards.
group "1 2 3"
lv lvcreate -q -y --type thin-pool -l 200 -c 64k --poolmetadatasize 2m -Zn -n pool vg
lv lvcreate -q -y -V 16m -T vg/pool -n thin1
lv lvcreate -q -y -V 8m -T vg/pool -n thin2
dd if=/dev/vdb of=/dev/vg/thin1 bs=64k count=20 2>/dev/null
dd if=/dev/vdb of=/dev/vg/thin1 bs=64k count=20 skip=40 seek=200 2>/dev/null
for i in 1 5 9 13 50 51 77; do dd if=/dev/vdb of=/dev/vg/thin2 bs=64k count=1 skip=$i seek=$i conv=notrunc 2>/dev/null; done
sync
lv lvcreate -q -y -s -kn -n snap vg/thin1
dd if=/dev/vdb of=/dev/vg/thin1 bs=64k count=5 skip=70 seek=3 conv=notrunc 2>/dev/null
dd if=/dev/vdb of=/dev/vg/snap bs=4k count=7 skip=4000 seek=90 conv=notrunc 2>/dev/null
truth thin thin1 thin2 snap
save thin
wipe

# A snapshot of the old kind, with writes to both.
group "1 2"
lv lvcreate -q -y -Wn -l 60 -n origin vg $(disk 1)
fill origin 0
lv lvcreate -q -y -s -c 8k -l 30 -n cow vg/origin $(disk 2)
dd if=/dev/vdb of=/dev/vg/origin bs=4k count=40 skip=5000 seek=100 conv=notrunc 2>/dev/null
dd if=/dev/vdb of=/dev/vg/cow bs=4k count=25 skip=6000 seek=300 conv=notrunc 2>/dev/null
sync
dd if=/dev/vdb of=/dev/vg/origin bs=4k count=10 skip=6500 seek=310 conv=notrunc 2>/dev/null
truth snapshot origin cow
save snapshot
wipe

# A cache, whose blocks are all written through.
group "1 2"
lv lvcreate -q -y -Wn -l 40 -n slow vg $(disk 1)
lv lvcreate -q -y --type cache-pool -l 40 --poolmetadatasize 2m --poolmetadataspare n -n fast vg $(disk 2)
lv lvconvert -q -y --type cache --cachemode writethrough --cachepool vg/fast vg/slow
fill slow 0
truth cache slow
save cache
wipe

# Two areas of metadata on each disk, and many versions.
group "1 2" --metadatacopies 2 --metadatasize 64k
for i in 1 2 3 4 5 6 7 8 9 10; do lv lvcreate -q -y -Wn -l 2 -n v$i vg; done
lv lvrename -q vg v3 renamed
fill v1 0
fill renamed 100
fill v10 200
truth history v1 renamed v10
save history
wipe

# A write cache.
group "1 2"
lv lvcreate -q -y -Wn -l 40 -n slow vg $(disk 1)
lv lvcreate -q -y -Wn -l 40 -n fast vg $(disk 2)
lv vgchange -q -an vg
lv lvconvert -q -y --type writecache --cachevol fast vg/slow
lv vgchange -q -ay vg
fill slow 0
truth writecache slow
save writecache
wipe

# A thin volume over a volume outside of its pool, and a pool on RAID.
group "1 2 3"
lv lvcreate -q -y -Wn -l 30 -n base vg $(disk 1)
fill base 0
lv lvcreate -q -y --type raid1 -m 1 -l 40 -n pool vg
lv lvconvert -q -y --type thin-pool -c 64k --poolmetadatasize 2m --poolmetadataspare n -Zn vg/pool
lv lvchange -q -an vg/base
lv lvchange -q -pr vg/base
lv lvcreate -q -y -s --thinpool vg/pool -n over vg/base
lv vgchange -q -ay vg
lv lvchange -q -ay -K vg/over
dd if=/dev/vdb of=/dev/vg/over bs=64k count=6 skip=50 seek=4 conv=notrunc 2>/dev/null
truth external base over
save external
wipe

# A RAID one image of which was away while it was written to.
group "1 2 3 4"
lv lvcreate -q -y -Wn --type raid5 -i 3 -I 16k -l 30 -n five vg
insync five
fill five 0
truth away-before five
dmsetup status
lvm vgchange -q -an vg
dd if=$(disk 2) of=/tmp/away bs=1M 2>/dev/null
dd if=/dev/zero of=$(disk 2) bs=1M 2>/dev/null
lv vgchange -q -ay --activationmode degraded vg
dd if=/dev/vdb of=/dev/vg/five bs=4k count=100 skip=5000 seek=50 conv=notrunc 2>/dev/null
truth away five
lvm vgchange -q -an vg
dd if=/tmp/away of=$(disk 2) bs=1M 2>/dev/null
save away
wipe
true

# The sets that raid.sh makes, in the language of its virtual machine. Sourced by
# raid.sh: arrays that are whole.

# Every version of the superblock.
for v in 0.90 1.0 1.1 1.2; do
	whole raid1-$v "1 2" --level=1 --raid-devices=2 --metadata=$v --bitmap=none
	whole raid5-$v "1 2 3" --level=5 --raid-devices=3 --metadata=$v --chunk=16
done

# Levels without redundancy, over disks of different sizes.
whole linear "1 3 6" --level=linear --raid-devices=3
whole linear-0.90 "1 3 6" --level=linear --raid-devices=3 --metadata=0.90
whole raid0 "1 2" --level=0 --raid-devices=2 --chunk=16
whole raid0-zones "1 2 4 6" --level=0 --raid-devices=4 --chunk=16
whole raid0-original "1 3 6" --level=0 --raid-devices=3 --chunk=16 --layout=original
echo 2 >/sys/module/raid0/parameters/default_layout
whole raid0-unsaid "1 3 6" --level=0 --raid-devices=3 --chunk=16 --layout=dangerous
whole raid0-alternate "1 3 6" --level=0 --raid-devices=3 --chunk=16 --layout=alternate

# Parity, every rotation.
whole raid4 "1 2 3" --level=4 --raid-devices=3 --chunk=16
for l in left-asymmetric right-asymmetric left-symmetric right-symmetric parity-first parity-last; do
	whole raid5-$l "1 2 3 4" --level=5 --raid-devices=4 --chunk=16 --layout=$l
done
for l in left-asymmetric right-asymmetric left-symmetric right-symmetric parity-first parity-last \
	ddf-zero-restart ddf-N-restart ddf-N-continue left-asymmetric-6 right-asymmetric-6 left-symmetric-6 right-symmetric-6 parity-first-6; do
	whole raid6-$l "1 2 3 4 5" --level=6 --raid-devices=5 --chunk=16 --layout=$l
done
whole raid5-two "1 2" --level=5 --raid-devices=2 --chunk=16
whole raid5-chunk4 "1 2 3" --level=5 --raid-devices=3 --chunk=4
whole raid6-four "1 2 3 4" --level=6 --raid-devices=4 --chunk=64

# RAID 10: near, far, offset, over even and odd numbers of disks.
for l in n2 n3 f2 f3 o2 o3; do
	whole raid10-$l-4 "1 2 3 4" --level=10 --raid-devices=4 --chunk=16 --layout=$l
	whole raid10-$l-5 "1 2 3 4 5" --level=10 --raid-devices=5 --chunk=16 --layout=$l
done
whole raid10-0.90 "1 2 3" --level=10 --raid-devices=3 --chunk=16 --layout=n2 --metadata=0.90

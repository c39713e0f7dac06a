# The sets that raid.sh makes, in the language of its virtual machine. Sourced by raid.sh: arrays with journals, and
# changes of shape that stopped in the middle.

slow() { echo $1 >/proc/sys/dev/raid/speed_limit_min; echo $1 >/proc/sys/dev/raid/speed_limit_max; }
halt() { # NAME: stops an array in the middle of what it does
	cat /proc/mdstat
	echo frozen >/sys/block/md0/md/sync_action
	sleep 1
	mdadm --stop /dev/md0 2>&1
	mdadm --examine $(disk 1) | grep -i "reshape\|delta\|offset\|new\|level"
	copy $1
	wipe
	slow 1000000
}

whole journal "1 2 3" --level=5 --raid-devices=3 --chunk=16 --write-journal $(disk 6)
whole ppl "1 2 3" --level=5 --raid-devices=3 --chunk=16 --consistency-policy=ppl

# Copied while it was in use, as after a power cut.
create dirty "1 2 3" --level=5 --raid-devices=3 --chunk=16
echo 0 >/sys/block/md0/md/safe_mode_delay
dd if=/dev/vdb of=/dev/md0 bs=4k count=1 conv=notrunc,fsync 2>/dev/null
cat /sys/block/md0/md/array_state
copy dirty
wipe

# A disk that is being replaced by another.
create replace "1 2 3" --level=5 --raid-devices=3 --chunk=16
mdadm /dev/md0 --add $(disk 6) 2>/dev/null
slow 100
mdadm /dev/md0 --replace $(disk 2) --with $(disk 6) 2>/dev/null
sleep 6
halt replace

# From RAID 5 to RAID 6, from four disks to three, to larger chunks, to another rotation.
create reshape-level "1 2 3" --level=5 --raid-devices=3 --chunk=16
mdadm /dev/md0 --add $(disk 4) 2>/dev/null
slow 100
mdadm --grow /dev/md0 --level=6 --raid-devices=4 --backup-file=/tmp/backup1 2>&1
sleep 6
halt reshape-level

create reshape-fewer "1 2 3 4" --level=5 --raid-devices=4 --chunk=16
mdadm --grow /dev/md0 --array-size=6144 2>&1
truth reshape-fewer
slow 100
mdadm --grow /dev/md0 --raid-devices=3 --backup-file=/tmp/backup2 2>&1
sleep 6
halt reshape-fewer

create reshape-chunk "1 2 3" --level=5 --raid-devices=3 --chunk=16
slow 100
mdadm --grow /dev/md0 --chunk=32 --backup-file=/tmp/backup3 2>&1
sleep 6
halt reshape-chunk

create reshape-rotation "1 2 3" --level=5 --raid-devices=3 --chunk=16
slow 100
mdadm --grow /dev/md0 --layout=left-asymmetric --backup-file=/tmp/backup4 2>&1
sleep 6
halt reshape-rotation

create reshape-ten "1 2 3 4" --level=10 --raid-devices=4 --chunk=16 --layout=n2
mdadm /dev/md0 --add $(disk 5) 2>/dev/null
slow 100
mdadm --grow /dev/md0 --raid-devices=5 2>&1
sleep 6
halt reshape-ten

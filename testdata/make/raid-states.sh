# The sets that raid.sh makes, in the language of its virtual machine. Sourced by raid.sh: arrays with members that were
# dropped, and those that stopped in the middle of something.

# A member that was dropped, then others written to; a bitmap beside it.
create stale1 "1 2" --level=1 --raid-devices=2 --bitmap=internal
mdadm /dev/md0 --fail $(disk 2) --remove $(disk 2) 2>/dev/null
dd if=/dev/vdb of=/dev/md0 bs=4k skip=512 count=128 seek=16 conv=notrunc 2>/dev/null
sync
truth stale1-now
mdadm --stop /dev/md0 2>/dev/null
copy stale1-now
wipe
create stale5 "1 2 3 4" --level=5 --raid-devices=4 --chunk=16
mdadm /dev/md0 --fail $(disk 3) --remove $(disk 3) 2>/dev/null
dd if=/dev/vdb of=/dev/md0 bs=4k skip=512 count=128 seek=16 conv=notrunc 2>/dev/null
sync
truth stale5-now
mdadm --stop /dev/md0 2>/dev/null
copy stale5-now
# A new disk took its place since: two with the same role.
mdadm --assemble --run /dev/md0 $(disks 1 2 4) 2>/dev/null
mdadm /dev/md0 --add $(disk 5) 2>/dev/null
sleep 2
idle
dd if=/dev/vdb of=/dev/md0 bs=4k skip=700 count=128 seek=100 conv=notrunc 2>/dev/null
sync
truth stale5-replaced
mdadm --stop /dev/md0 2>/dev/null
copy stale5-replaced
wipe

# A spare, and blocks that a member lists as bad.
create badblocks "1 2 3" --level=5 --raid-devices=3 --chunk=16 --spare-devices=1 $(disk 6)
offset=$(cat /sys/block/md0/md/dev-vdd/offset)
echo "$((offset + 64)) 32" >/sys/block/md0/md/dev-vdd/bad_blocks
echo "$((offset + 1000)) 8" >/sys/block/md0/md/dev-vdd/bad_blocks
cat /sys/block/md0/md/dev-vdd/bad_blocks
mdadm --stop /dev/md0 2>/dev/null
copy badblocks
wipe

# A rebuild that stopped in the middle.
create rebuild "1 2 3" --level=5 --raid-devices=3 --chunk=16
mdadm /dev/md0 --fail $(disk 2) --remove $(disk 2) 2>/dev/null
dd if=/dev/zero of=$(disk 2) bs=1M 2>/dev/null
echo 100 >/proc/sys/dev/raid/speed_limit_min
echo 100 >/proc/sys/dev/raid/speed_limit_max
mdadm /dev/md0 --add $(disk 2) 2>/dev/null
sleep 5
cat /proc/mdstat
echo frozen >/sys/block/md0/md/sync_action
mdadm --stop /dev/md0 2>/dev/null
mdadm --examine $(disk 2) | grep -i "recovery\|role"
copy rebuild
wipe

# A change of the number of disks that stopped in the middle.
echo 1000000 >/proc/sys/dev/raid/speed_limit_max
create reshape "1 2 3" --level=5 --raid-devices=3 --chunk=16
mdadm /dev/md0 --add $(disk 4) 2>/dev/null
echo 100 >/proc/sys/dev/raid/speed_limit_min
echo 100 >/proc/sys/dev/raid/speed_limit_max
mdadm --grow /dev/md0 --raid-devices=4 2>&1
sleep 6
cat /proc/mdstat
echo frozen >/sys/block/md0/md/sync_action
sleep 1
mdadm --stop /dev/md0 2>&1
mdadm --examine $(disk 1) | grep -i "reshape\|delta\|offset\|new"
copy reshape
wipe

#!/usr/bin/env bash
# Sectors written to a loop-mounted ext4 by three simulated days of history and its CSV files (budget: 40 MB a day).
# Needs root.
#   tests/bench/recorder/disk.sh BUILD_FOLDER [nocsv]
set -euo pipefail
build=${1:?build folder}
top=$(cd "$(dirname "$0")/../../.." && pwd)
work=$(mktemp -d)
loop=
cleanup() {
    mountpoint -q "$work/mnt" && umount "$work/mnt"
    [ -z "$loop" ] || losetup -d "$loop"
    rm -rf "$work"
}
trap cleanup EXIT
truncate -s 512M "$work/disk.img"
mkfs.ext4 -q -E lazy_itable_init=0,lazy_journal_init=0 "$work/disk.img"
mkdir "$work/mnt"
loop=$(losetup --find --show "$work/disk.img")
mount -o noatime "$loop" "$work/mnt"
sync
sectors() { awk '{print $7}' "/sys/block/$(basename "$loop")/stat"; }
before=$(sectors)
"$build/tests/bench/bench_recorder_disk" "$work/mnt" "$top/gateway/recorder/migrations" 3 ${2:+"$2"}
sync
after=$(sectors)
echo "$(((after - before) / 2 / 1000 / 3)) MB a day written ($((after - before)) sectors in 3 days; budget 40 MB a day)"

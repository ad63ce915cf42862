#!/usr/bin/env bash
# Does any fault from outside lose data or give a wrong result? Each is given to the program itself, at every place in turn.
#
#   format-tests/faults.sh [--only=PART,...] [--kills=N] [--cuts=N] [--every=N] [--table=FILE.md]
#
# Parts, with the faults that they answer: calls (1, 3, 5, 6, 7, 25, 26: system calls that fail, lie or are interrupted), disks (2, 3, 4, 25: full, without
# inodes, read-only, limits), kills (8, 9: at every system call, and at N random moments, 200 unless told otherwise), memory (23, 24: allocations that fail),
# writers (26: two at once), system (28 to 31: few mappings, no huge pages, no /proc, slow disks, disks that may only be read); and only where named:
# limits (22: a control group) and power (10, 14: N cuts on each file system, 200 unless told otherwise, and pages that cannot be read). --every=7 takes one
# place in seven of the long sweeps.
#
# The work is build (of FASTA and of gzip), reduce (exact, to FASTA too, cluster, update) and export, each with the least memory, so that there are temporary files. A run passes
# if it ends with a documented exit code and, where that is not 0, with one line; if the output is as it was or as it should be, byte for byte; and if nothing is
# left but the hidden file that the next run takes over, which it then does. Ends with a table and "N runs, N failed".
#
# Needs bash, awk, cmp, gzip; strace for most; root for mounts, mkfs of ext4, xfs and btrfs; python3, nbdfuse and filefrag for power: what is missing is
# skipped, and the table says so.
set -uo pipefail
only='' kills=200 cuts=200 every=1 table=''
for argument; do
  case $argument in
    --only=*) only=,${argument#--only=}, ;;
    --kills=*) kills=${argument#--kills=} ;;
    --cuts=*) cuts=${argument#--cuts=} ;;
    --every=*) every=${argument#--every=} ;;
    --table=*) table=${argument#--table=} ;;
    *) sed -n '2,20p' "$0"; exit 2 ;;
  esac
done
root=$(cd "$(dirname "$0")/.." && pwd)
cargo build --quiet --release --locked --manifest-path "$root/Cargo.toml" -p talaria-db-cli || exit 1
talaria=${CARGO_TARGET_DIR:-$root/target}/release/talaria-db
parts=$root/format-tests/faults
. "$parts/works.sh"
. "$parts/judge.sh"
. "$parts/sweep.sh"
for part in calls disks kills memory writers system limits power; do
  if [ -z "$only" ] && [ $part = limits -o $part = power ]; then continue; fi
  case ${only:-,$part,} in *,$part,*) . "$parts/$part.sh" ;; esac
done
finish

# Rows 10 and 14: a disk that loses what was not flushed, and one that cannot read some of its bytes.
#
# The disk is a Python program behind nbdfuse and a loop device: neither NBD nor device mapper is needed in the kernel.

disk_on() { # IMAGE PLACE TYPE OPTIONS
  rm -f "$work/socket" "$work/bad"
  python3 "$parts/power/disk.py" "$work/socket" "$1" "$work/log" "$work/bad" & server=$!
  while [ ! -S "$work/socket" ]; do sleep 0.05; kill -0 $server 2>/dev/null || return 1; done
  mkdir -p "$work/nbd"
  nbdfuse "$work/nbd/disk" --unix "$work/socket" 2>/dev/null & bridge=$!
  for ((tries = 0; tries < 100; tries++)); do [ -s "$work/nbd/disk" ] && break; sleep 0.05; done
  mount -t "$3" -o "loop,$4" "$work/nbd/disk" "$2" 2>"$err" && mounted="$2"
}
disk_off() {
  unmount_all
  fusermount3 -u "$work/nbd" 2>/dev/null || fusermount -u "$work/nbd" 2>/dev/null || kill $bridge 2>/dev/null
  wait $bridge 2>/dev/null
  kill $server 2>/dev/null; wait $server 2>/dev/null
}

# A file system with the first version in it.
new_image() { # TYPE MIB MKFS-OPTIONS
  rm -f "$work/image" && truncate -s "$2M" "$work/image"
  "mkfs.$1" -q $3 "$work/image" >/dev/null 2>&1 && mount -o loop "$work/image" "$out" 2>/dev/null || return
  mounted=$out
  mkdir "$out/tmp" && cp "${versions[0]}" "$out/out.talaria"
  unmount_all
}

# Writes each version in turn, and cuts. A planted writer does no fsync.
cuts_on() { # ROW-TEXT TYPE MIB MKFS-OPTIONS OPTIONS TEAR PLANTED
  row 10 "$1"
  rm -rf "$out"; mkdir "$out"
  new_image "$2" "$3" "$4" || { skipped 10 "$1" "mkfs.$2 is not here, or it cannot be mounted"; return; }
  cp --sparse=always "$work/image" "$work/base"
  disk_on "$work/image" "$out" "$2" "$5" || { disk_off; skipped 10 "$1" 'no disk'; return; }
  : >"$work/marks"
  for version in 1 2 3 4 5 6; do
    ${7:-} "$talaria" build --quiet "$in/version-$version.fasta" -o "$out/out.talaria" --max-memory 64M --threads 2 2>"$err" || bad_now "build ended with $?"
    stat -c %s "$work/log" >>"$work/marks"
    # Long enough that the file system writes by itself, now and then.
    sleep $((version % 3))
  done
  disk_off
  counts=($(python3 "$parts/power/cut.py" "$work/log" "$work/marks" "$work/base" "$out" "$2" "$5" "$cuts" "$6" 7 "${versions[@]}" 2>"$work/cut-failures"))
  [ ${#counts[@]} = 4 ] || { bad_now "no counts: $(tail -1 "$work/cut-failures")"; counts=(0 0 0 0); }
  found=$((counts[1] + counts[2] + counts[3])) runs=$((runs + counts[0])) injected=${counts[0]}
  if [ -z "${7:-}" ]; then
    failed=$((failed + found)) wrong=$((wrong + counts[1] + counts[2]))
    cat "$work/cut-failures"
  elif [ $found = 0 ]; then
    bad_now 'a writer without fsync was not noticed'
  else
    row_fault+=": $found cuts noticed"
  fi
  end_row
}

# Of a container on such a disk, pages that cannot be read: each record is right, or an error, and right again afterwards.
media_on() { # ROW-TEXT OPTION
  row 14 "$1"
  local start length page text
  new_image ext4 16 '' && disk_on "$work/image" "$out" ext4 ro || { disk_off; skipped 14 "$1" 'no disk'; return; }
  target=$out/out.talaria current=get
  # It lies in one piece on the disk.
  start=$(filefrag -b4096 -v "$target" | awk '$1 == "0:" { sub(/\.\..*/, "", $4); print $4 }')
  length=$(filefrag -b4096 -v "$target" | grep -c '^ *[0-9]*:')
  [ "$length" = 1 ] || bad_now 'the container lies in pieces'
  for ((page = 0; page < $(stat -c %s "${versions[0]}") / 4096; page += ${media_step:-1})); do
    echo "$(((start + page) * 4096)) $(((start + page + 1) * 4096))" >"$work/bad"
    forget
    for place in 2 40 170; do
      name_of="r11_$place" status=0
      text=$("$talaria" get "$2" "$target" "$name_of" 2>"$err") || status=$?
      judge_read get
    done
    status=0
    { "$talaria" verify "$2" "$target" >/dev/null 2>"$err" || status=$?; } 2>/dev/null
    judge_read verify
    rm "$work/bad"
  done
  forget
  "$talaria" verify $2 "$target" >/dev/null 2>"$err" || bad_now 'it does not recover'
  disk_off
  end_row
}
forget() {
  python3 -c 'import os, sys
for path in sys.argv[1:]:
    file = os.open(path, os.O_RDONLY)
    os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)' "$target" "$work/nbd/disk"
}
judge_read() { # get|verify
  runs=$((runs + 1))
  # To verify, what cannot be read is one more thing to report.
  case $status$1 in
    4verify) injected=$((injected + 1)) ;;
    0get | 0verify) [ "$1" = verify ] || [ "$text" = "${right[$name_of]}" ] || { wrong=$((wrong + 1)); bad_now "another $name_of"; } ;;
    1get | 1verify)
      injected=$((injected + 1))
      [ "$(grep -c . "$err")" = 1 ] && grep -q 'Input/output error' "$err" || bad_now 'no line with the cause'
      ;;
    *) bad_now "exit code $status" ;;
  esac
}

if ! command -v nbdfuse >/dev/null || ! command -v python3 >/dev/null || ! [ -w /dev/fuse ] || ! [ -e /dev/loop-control ]; then
  skipped 10,14 'power cuts and media errors' 'needs nbdfuse, python3, /dev/fuse and loop devices'
else
  versions=()
  for version in 0 1 2 3 4 5 6; do
    families $((version + 11)) $((2000 + version * 500)) 200 >"$in/version-$version.fasta"
    "$talaria" build --quiet "$in/version-$version.fasta" -o "$in/version-$version.talaria" --max-memory 64M || exit 1
    versions+=("$in/version-$version.talaria")
  done
  no_sync='strace -f -qq --seccomp-bpf -o /dev/null -e trace=fsync,fdatasync -e inject=fsync,fdatasync:retval=0'
  # Ext4 and Btrfs take a page for what a disk writes whole; XFS needs no more than a sector.
  cuts_on 'power cuts, ext4' ext4 32 '' defaults 4096
  cuts_on 'power cuts, ext4 noauto_da_alloc,commit=1' ext4 32 '' noauto_da_alloc,commit=1 4096
  cuts_on 'power cuts, xfs' xfs 300 -f nouuid 512
  cuts_on 'power cuts, btrfs' btrfs 114 -f defaults 4096
  if command -v strace >/dev/null; then
    cuts_on 'planted writer without fsync, ext4' ext4 32 '' defaults 4096 "$no_sync"
    cuts_on 'planted writer without fsync, ext4 noauto_da_alloc' ext4 32 '' noauto_da_alloc,commit=1 4096 "$no_sync"
    cuts_on 'planted writer without fsync, xfs' xfs 300 -f nouuid 512 "$no_sync"
    cuts_on 'planted writer without fsync, btrfs' btrfs 114 -f defaults 4096 "$no_sync"
  fi
  declare -A right
  for place in 2 40 170; do right[r11_$place]=$("$talaria" get "${versions[0]}" "r11_$place"); done
  media_on 'pages that cannot be read, by pread' --no-mmap
  media_on "pages that cannot be read, mapped" --threads=1
fi

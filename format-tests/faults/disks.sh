# Rows 2, 3, 4, 25: file systems and folders that have no room or are not what they were.

mounted_at() { # TYPE OPTIONS PLACE
  mount -t "$1" -o "$2" none "$3" 2>/dev/null && mounted=$3
}
# A file system of MIB on a loop device, of which a file takes all but some KiB. Its folder "room" is what PLACE shows.
looped_at() { # TYPE MIB OPTIONS KIB PLACE
  local whole=$work/whole free
  truncate -s "$2M" "$work/image" && "mkfs.$1" -q $3 "$work/image" >/dev/null 2>&1 || return
  mkdir -p "$whole" && mount -o loop "$work/image" "$whole" 2>/dev/null || return
  mounted=$whole
  mkdir "$whole/room" && mount --bind "$whole/room" "$5" && mounted="$5 $whole" || return
  free=$(df -k --output=avail "$whole" | tail -1)
  [ "$free" -le "$4" ] || dd if=/dev/zero of="$whole/filler" bs=64k iflag=count_bytes count=$((free - $4))K conv=fsync 2>/dev/null || :
}
clean_out() { unmount_all; rm -rf "$out" "$tmp" "$work/image"; mkdir "$out" "$tmp"; }

# Each work with its output's folder, and with its folder for temporary files, on file systems with little room.
small_file_systems() { # ROW FAULT MOUNT-COMMAND...  where @ is each of $sizes in turn
  row "$1" "$2"
  local size place
  shift 2
  for current in $works; do
    expect $current
    for size in $sizes; do
      for place in "$out" "$tmp"; do
        clean_out
        if [ "$place" = "$tmp" ]; then restore; fi
        "${@//@/$size}" "$place" || { bad_now "no file system of $size"; continue; }
        if [ "$place" = "$out" ]; then cp "$before" "$out/$name" 2>/dev/null || continue; fi
        judge env
        if [ $status != 0 ]; then injected=$((injected + 1)); fi
      done
    done
  done
  clean_out
  end_row
}

if mounted_at tmpfs size=1m "$tmp" && unmount_all; then
  sizes='64 512 1024 2048 3072 4096 6144 8192'
  small_file_systems 2 'tmpfs of 64 KiB to 8 MiB, full' mounted_at tmpfs size=@k
  sizes='2 3'
  small_file_systems 3 'tmpfs without inodes' mounted_at tmpfs nr_inodes=@
else
  skipped 2-3 'small file systems' 'nothing can be mounted here'
fi
# The least that each makes; what is left free, in KiB.
sizes='256 1024 2048 3072 4096 6144'
for type in ext4 xfs btrfs; do
  case $type in ext4) mebibytes=16 options= ;; xfs) mebibytes=300 options=-f ;; btrfs) mebibytes=114 options=-f ;; esac
  if ! command -v mkfs.$type >/dev/null; then
    skipped 2 "$type on a loop device, full" "no mkfs.$type"
  elif ! looped_at $type $mebibytes "$options" 1024 "$tmp"; then
    skipped 2 "$type on a loop device, full" 'it cannot be mounted here'
  else
    clean_out
    small_file_systems 2 "$type with 256 KiB to 6 MiB free, on a loop device" looped_at $type $mebibytes "$options" @
  fi
done
clean_out

row 4 'limit on the size of files (ulimit -f), 1 KiB to 4 MiB'
for current in $works; do
  expect $current
  for kibibytes in 0 1 4 64 256 512 1024 2048 4096; do
    try bash -c "ulimit -f $kibibytes; exec \"\$@\"" limited
    [ $status != 0 ] && injected=$((injected + 1))
  done
done
end_row

row 25 'folder of temporary files: missing, a file, not writable'
for current in $works; do
  expect $current
  rmdir "$tmp"
  killed='' try env; [ $status != 0 ] && injected=$((injected + 1))
  echo text >"$tmp"
  try env; [ $status != 0 ] && injected=$((injected + 1))
  rm -f "$tmp"; mkdir "$tmp"
  if mounted_at tmpfs ro "$tmp"; then
    try env; [ $status != 0 ] && injected=$((injected + 1))
    unmount_all
  fi
done
end_row

row 25 'too little for temporary files (--max-spill), 1 KiB to 4 MiB'
for current in $works; do
  [ $current = export ] && continue
  expect $current
  whole=("${command[@]}")
  for kibibytes in 1 64 512 1024 4096; do
    command=("${whole[@]}" --max-spill ${kibibytes}K)
    try env
    [ $status != 0 ] && injected=$((injected + 1))
  done
done
end_row

# Rows 28 to 31: what a system does not give, and disks that are slow or may only be read.

# Sets a setting of the system until restore_setting; false where it may not be set.
set_setting() { # FILE VALUE
  setting=$1 was=$(sed 's/.*\[\(.*\)\].*/\1/' "$1" 2>/dev/null) && { echo "$2" >"$1"; } 2>/dev/null
}
restore_setting() { [ -z "${setting:-}" ] || echo "$was" >"$setting"; setting=''; }
trap 'restore_setting; unmount_all; rm -rf "$work"' EXIT
# One run that must succeed.
succeed() { # COMMAND...
  try "$@"
  [ $status = 0 ] || bad_now "ended with $status under $*"
  injected=$((injected + 1))
}

if set_setting /proc/sys/vm/max_map_count 65530; then
  restore_setting
  # Fewer are too few for the judge.
  row 28 'at most 48 to 256 mappings (vm.max_map_count)'
  for current in $works; do
    expect $current
    for most in 48 56 64 72 80 96 128 192 256; do
      restore
      set_setting /proc/sys/vm/max_map_count $most
      judge env
      restore_setting
      [ $status = 0 ] || injected=$((injected + 1))
    done
  done
  end_row
else
  skipped 28 'few mappings (vm.max_map_count)' 'the setting may not be changed here'
fi

if set_setting /sys/kernel/mm/transparent_hugepage/enabled never; then
  row 29 'a system that never gives huge pages, asked for each kind'
  for current in $works; do
    expect $current
    whole=("${command[@]}")
    for pages in off thp 2M 1G; do
      command=("${whole[@]}" --huge-pages $pages)
      succeed env
    done
  done
  end_row
  restore_setting
else
  skipped 29 'a system that never gives huge pages' 'the setting may not be changed here'
fi

if unshare --mount true 2>/dev/null; then
  row 29 'no /proc, no /sys, neither'
  for current in $works; do
    expect $current
    for hidden in /proc /sys '/proc /sys'; do
      succeed unshare --mount bash -c 'for place in $0; do mount -t tmpfs none $place || exit 1; done; exec "$@"' "$hidden"
    done
  done
  end_row
  row 31 'inputs on a medium that may only be read'
  for current in $works; do
    expect $current
    succeed unshare --mount bash -c 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"' "$in"
  done
  end_row
else
  skipped 29 'no /proc, no /sys' 'namespaces of mounts may not be made here'
  skipped 31 'inputs on a medium that may only be read' 'namespaces of mounts may not be made here'
fi

# Inputs, output and temporary files on an ext4 of which nothing is in memory, and of which a control group (version 1) reads and writes a mebibyte a second.
group=/sys/fs/cgroup/blkio/talaria-faults.$$
slow_disk() { # [read]
  unmount_all
  mkdir -p "$work/whole" && mount -o loop "$work/image" "$work/whole" || return
  mounted=$work/whole
  local folder device
  device=$(mountpoint -d "$work/whole")
  for folder in in out tmp; do
    mount --bind "$work/whole/$folder" "$work/$folder" || return
    mounted="$work/$folder $mounted"
  done
  # While the system writes what a sync asked for, no signal reaches a program.
  echo "$device 0" >"$group/blkio.throttle.write_bps_device"
  for way in ${1:-read write}; do echo "$device 1048576" >"$group/blkio.throttle.${way}_bps_device" || return; done
}
slowly() { judge bash -c 'echo $$ >"$0/cgroup.procs" && exec "$@"' "$group"; }
before_on_slow_disk() { find "$out" "$tmp" -mindepth 1 -delete; cp "$before" "$out/$name"; sync -f "$out"; }
begin_slow_disk() {
  mkdir "$group" && truncate -s 64M "$work/image" && mkfs.ext4 -q "$work/image" && mkdir -p "$work/whole" || return
  mount -o loop "$work/image" "$work/whole" && mounted=$work/whole || return
  mkdir "$work/whole/in" "$work/whole/out" "$work/whole/tmp" && cp "$in"/* "$work/whole/in/" && slow_disk
}
for current in $works; do expect $current; done
if begin_slow_disk 2>/dev/null; then
  row 30 'a disk of a mebibyte a second'
  for current in $works; do
    of_work $current
    expected=$work/expected-$current
    before_on_slow_disk
    slow_disk
    slowly
    [ $status = 0 ] || bad_now "ended with $status"
    injected=$((injected + 1))
  done
  end_row
  row 30 'SIGINT and SIGTERM while it reads: the end within a second'
  for current in build build-gz exact export; do
    of_work $current
    expected=$work/expected-$current
    for signal in INT:130 TERM:143; do
      for moment in 0.2 0.6; do
        before_on_slow_disk
        slow_disk read
        # A shell has its background jobs ignore SIGINT, which a program inherits.
        env --default-signal=INT bash -c 'echo $$ >"$0/cgroup.procs" && exec "$@"' "$group" "${command[@]}" >/dev/null 2>"$err" &
        program=$!
        sleep $moment
        kill -${signal%:*} $program 2>/dev/null
        begun=$(milliseconds) reasons=''
        wait $program 2>/dev/null
        status=$?
        took=$(($(milliseconds) - begun)) runs=$((runs + 1)) injected=$((injected + 1))
        [ $status = ${signal#*:} ] || bad "exit code $status"
        [ $took -le 1000 ] || bad "$took ms after SIG${signal%:*}"
        cmp -s "$out/$name" "$before" || bad 'the output is not as it was'
        [ "$(ls -A "$out" "$tmp" | grep -c -e unfinished -e talaria-db)" = 0 ] || bad "left: $(ls -A "$out" "$tmp")"
        if [ -n "$reasons" ]; then failed=$((failed + 1)); tell "$reasons"; fi
      done
    done
  done
  end_row
else
  skipped 30 'a disk of a mebibyte a second' 'no loop device or control group (version 1) of blkio here'
fi
unmount_all
rmdir "$group" 2>/dev/null

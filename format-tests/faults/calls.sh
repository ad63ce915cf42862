# Rows 1, 3, 5, 6, 7, 8, 23, 26: system calls that fail, lie, are interrupted, or are the last one.

# Injects into the N-th call of a kind, in each thread, for N from 1 until there is none: each up to 128, then one in ever
# more, so that a hundred thousand calls do not take a day.
sweep() { # CALL FAULT
  local number=0 quick=--seccomp-bpf
  # What stops only at some calls takes no signals there.
  [ -n "$killed" ] && quick=
  while :; do
    number=$((number + ${sweep_step:-1} + (number > 128 ? number / 16 : 0)))
    try strace -f -qq $quick -o "$log" -e "trace=$1" -e "inject=$1:$2:when=$number"
    if [ -n "$killed" ]; then
      [ $status = 137 ] || break
      injected=$((injected + 1))
      next
    else
      grep -q INJECTED "$log" || break
      injected=$((injected + 1))
    fi
  done
}
# Each kind by itself: a fault that is met earlier hides others.
sweep_all() { # CALLS FAULT
  for current in $works; do
    expect $current
    for call in ${1//,/ }; do sweep "$call" "$2"; done
  done
}

if ! command -v strace >/dev/null || ! strace -f -qq --seccomp-bpf -o "$log" -e trace=openat true 2>/dev/null; then
  skipped 1-8 'failing system calls' 'strace is not here or may not trace'
else
  writes=write,pwrite64,writev,pwritev,fallocate,ftruncate
  killed='' unsure='' sweep_step=$every can_trace=yes
  row 1 'ENOSPC at every write'; sweep_all $writes error=ENOSPC; end_row
  row 3 'EDQUOT at every write'; sweep_all $writes error=EDQUOT; end_row
  row 5 'EIO at every write'; sweep_all $writes error=EIO; end_row
  sweep_step=1
  row 5 'EIO at every fsync, of files and folders'; sweep_all fsync,fdatasync error=EIO; end_row
  row 5 'EIO at every close'; sweep_all close error=EIO; end_row
  row 5 'EIO at every rename'; sweep_all rename,renameat,renameat2 error=EIO; end_row
  loose=yes
  row 5 'EIO at every removal of a name'; sweep_all unlink,unlinkat error=EIO; end_row
  loose=''
  row 5 'EIO at every open'; sweep_all openat error=EIO; end_row
  row 5 'EIO at every read'; sweep_all read,pread64,readv,preadv error=EIO; end_row
  row 5 'EIO at every look at a file'; sweep_all fstat,statx,newfstatat,lseek,statfs,fstatfs error=EIO; end_row
  row 6 'a write of 1 byte reported, none done, at every write'; sweep_all pwrite64 retval=1; end_row
  row 7 'EINTR at every second write, read, sync and lock'
  for current in $works; do
    expect $current
    # The first reads and opens are the loader's, which does not go on.
    try strace -f -qq --seccomp-bpf -o "$log" -e trace=$writes,read,pread64,fsync,flock,openat \
      -e inject=$writes,fsync,flock:error=EINTR:when=1+2 -e inject=read,pread64,openat:error=EINTR:when=10+2
    grep -q INJECTED "$log" && injected=$((injected + 1))
    [ $status = 0 ] || bad_now 'it should go on'
  done
  end_row
  row 7 'every sync and rename takes half a second'
  for current in $works; do
    expect $current
    try strace -f -qq --seccomp-bpf -o "$log" -e trace=fsync,rename -e inject=fsync,rename:delay_enter=500000
    injected=$((injected + 1))
    [ $status = 0 ] || bad_now 'it should go on'
  done
  end_row
  killed=yes
  row 8 'SIGKILL at every write, sync, open, lock and rename'
  sweep_step=$every
  sweep_all $writes,fsync,rename,openat,flock,unlink signal=SIGKILL
  end_row
  killed='' sweep_step=1
  row 25 'no files without names (O_TMPFILE refused at every open)'
  sweep_all openat error=EOPNOTSUPP
  end_row
  for error in ENOLCK ENOSYS; do
    row 26 "no locks: flock ends with $error"
    for current in $works; do
      expect $current
      try strace -f -qq --seccomp-bpf -o "$log" -e trace=flock -e inject=flock:error=$error
      grep -q INJECTED "$log" && injected=$((injected + 1))
      [ $status = 0 ] || bad_now 'it should do without'
    done
    end_row
  done
fi

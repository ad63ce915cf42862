# Rows 1, 3, 5, 6, 7, 25, 26: system calls that fail, lie, or are interrupted.

if [ -z "$can_trace" ]; then
  skipped 1-7 'failing system calls' 'strace is not here or may not trace'
else
  killed='' sweep_step=$every
  row 1 'ENOSPC at every write'; sweep_all $writes error=ENOSPC; end_row
  row 3 'EDQUOT at every write'; sweep_all $writes error=EDQUOT; end_row
  row 5 'EIO at every write'; sweep_all $writes error=EIO; end_row
  sweep_step=1
  row 5 'EIO at every fsync, of files and folders'; sweep_all fsync,fdatasync error=EIO; end_row
  row 5 'EIO at every close'; sweep_all close error=EIO; end_row
  row 5 'EIO at every rename'; sweep_all rename,renameat,renameat2 error=EIO; end_row
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

# Rows 23 and 24: memory that the system or the limit does not give.

row 24 'a limit that is too small'
for current in $works; do
  expect $current
  for limit in 1K 1M 8M 16M 24M; do
    case $current in export) [ $limit = 1K ] || continue ;; esac
    whole=("${command[@]}")
    command=("${command[@]/#64M/$limit}")
    begun=$(milliseconds)
    try env
    [ $status = 140 ] || [ $status = 2 ] || [ $status = 0 ] || bad_now "ended with $status"
    [ $status != 0 ] && injected=$((injected + 1))
    [ $status = 0 ] || [ $(($(milliseconds) - begun)) -lt 2000 ] || bad_now 'not at once'
    command=("${whole[@]}")
  done
done
end_row

# With 4 MiB the system cannot start a program.
row 23 'address space (ulimit -v) of 8 to 512 MiB'
for current in $works; do
  expect $current
  for mebibytes in 8 12 16 20 24 32 48 64 80 96 112 128 160 192 256 384 512; do
    try bash -c "ulimit -v $((mebibytes * 1024)); exec \"\$@\"" limited
    [ $status != 0 ] && injected=$((injected + 1))
  done
done
end_row
if [ -n "$can_trace" ]; then
  # No system answers brk so: it says where the heap ends, still.
  row 23 'ENOMEM at every mmap and mremap'; sweep_all mmap,mremap error=ENOMEM; end_row
  row 23 'EAGAIN at every start of a thread'; sweep_all clone,clone3 error=EAGAIN; end_row
fi

# Rows 8 and 9: killed at each call, and at random moments.

killed=yes
if [ -n "$can_trace" ]; then
  row 8 'SIGKILL at every write, sync, open, lock and rename'
  sweep_step=$every
  sweep_all $writes,fsync,rename,openat,flock,unlink signal=SIGKILL
  sweep_step=1
  end_row
else
  skipped 8 'killed at system calls' 'strace is not here or may not trace'
fi
row 9 "killed at $kills random moments, and run again"
declare -A took
for ((kill_number = 0; kill_number < kills; kill_number++)); do
  set -- $works
  shift $((kill_number % $#)); current=$1
  expect $current
  # How long it takes, once.
  if [ -z "${took[$current]:-}" ]; then
    begun=$(milliseconds); restore; "${command[@]}" >/dev/null 2>&1; took[$current]=$(($(milliseconds) - begun))
  fi
  moment=$((RANDOM * (took[$current] + 10) / 32768))
  try timeout -s KILL "$(printf '%d.%03d' $((moment / 1000)) $((moment % 1000 + 1)))"
  if [ $status = 137 ]; then injected=$((injected + 1)); fi
  next
done
end_row
killed=''

# Row 26: two writers of one target, a lock whose holder was killed, file systems without locks.

row 26 'two writers of one target at once'
for current in $works; do
  expect $current
  for turn in 1 2 3 4 5; do
    restore
    "${command[@]}" >/dev/null 2>"$work/err-first" & first=$!
    sleep 0.0$turn
    # It waits for nobody: one of the two wins, or both one after the other.
    "${command[@]}" >/dev/null 2>"$err"; second_status=$?
    wait $first; status=$?
    cat "$work/err-first" >>"$err"
    runs=$((runs + 1)) reasons=''
    [ $status = 0 ] || [ $second_status = 0 ] || bad 'none won'
    [ $status != 0 ] || status=$second_status
    if [ $status != 0 ]; then
      injected=$((injected + 1))
      grep -q 'another process is writing it' "$err" || bad "no cause: $(cat "$err")"
      status=0
    fi
    judge_files
    [ -z "$reasons" ] || bad_now "$reasons"
  done
done
end_row

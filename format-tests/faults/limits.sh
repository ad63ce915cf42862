# Row 22: a control group that ends who takes more than the limit and 10 %.

row 22 'control group of the limit and 10 %, 20 times the data'
"$root/format-tests/memory-limits.sh" --quick --synthetic >"$work/limits" 2>&1
status=$?
runs=$((runs + $(grep -c '^ok' "$work/limits") + $(grep -c '^FAIL' "$work/limits")))
injected=$((runs - row_runs))
failed=$((failed + $(grep -c '^FAIL' "$work/limits")))
grep '^FAIL' -A2 "$work/limits"
[ $status = 0 ] || [ $failed -gt $row_failed ] || bad_now "it ended with $status: $(tail -1 "$work/limits")"
end_row

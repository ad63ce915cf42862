# Running a work under a fault, and judging what it left.

by_libc=0 runs=0 failed=0 injected=0 wrong=0 rows='' started=0
allowed=' 0 1 2 3 4 5 6 140 '
log=$work/strace err=$work/err

milliseconds() { echo $((${EPOCHREALTIME/[.,]/} / 1000)); }

# Begins a row of the table.
row() { # NUMBER FAULT
  row_number=$1 row_fault=$2 row_runs=$runs row_failed=$failed row_wrong=$wrong injected=0 told=0 started=$(milliseconds)
}
# Ends it.
end_row() {
  local seconds=$((($(milliseconds) - started) / 1000)) done_=$((runs - row_runs)) bad=$((failed - row_failed))
  printf '%-5s %-60s %6d runs %6d injected %6d survived %3d wrong %5d s\n' \
    "$row_number" "$row_fault" $done_ $injected $((done_ - bad)) $((wrong - row_wrong)) $seconds
  rows+="| $row_number | $row_fault | $done_ | $injected | $((done_ - bad)) | $((wrong - row_wrong)) | $seconds |"$'\n'
}
skipped() { # NUMBER FAULT REASON
  printf '%-5s %-52s skipped: %s\n' "$1" "$2" "$3"
  rows+="| $1 | $2 | skipped: $3 | | | | |"$'\n'
}
finish() {
  if [ -n "$table" ]; then
    { echo '| row | fault | runs | injected | survived | wrong results | seconds |'; echo '|---|---|---|---|---|---|---|'; printf '%s' "$rows"; } >"$table"
  fi
  [ $by_libc = 0 ] || echo "in $by_libc runs the C library ended the process for want of memory"
  echo "$runs runs, $failed failed"
  [ $failed = 0 ]
  exit
}
bad() { # REASON
  reasons+="$1; "
}

# Something wrong that only the part knows.
bad_now() { # REASON
  failed=$((failed + 1))
  tell "$1"
}
# The first five of a row.
tell() { # REASON
  told=$((told + 1))
  [ $told -le 5 ] || return 0
  echo "FAIL row $row_number, $row_fault, $current: $1"
  head -3 "$err" | sed 's/^/     /'
}

# The folders as they are before each run.
restore() {
  rm -rf "$out" && mkdir "$out"
  cp "$before" "$out/$name"
}

# What the work should come to, found out once.
expect() { # WORK
  of_work "$1"
  expected=$work/expected-$1
  [ -e "$expected" ] && return
  restore
  "${command[@]}" >"$err" 2>&1 || { echo "$1 does not work: $(cat "$err")" >&2; exit 1; }
  cp "$out/$name" "$expected"
  [ -e "$out/$name.clusters.tsv" ] && cp "$out/$name.clusters.tsv" "$expected.tsv"
  return 0
}

# Runs the work of the last expect under COMMAND..., and judges it. killed=yes: may be killed by signal 9.
try() { # COMMAND...
  restore
  judge "$@"
}
judge() {
  killed=${killed:-} reasons=''
  # What is said goes through a pipe, which a limit on the size of files leaves alone.
  { timeout -s ABRT 120 "$@" "${command[@]}" 2>&1 >/dev/null | cat >"$err"; status=${PIPESTATUS[0]}; } 2>/dev/null
  # A fault that met the loader of the system, or the start of the language, met no code of the program. That begins with a word about SIGXFSZ.
  met_loader=''
  case $status.${1:-} in 134.strace | 139.strace) grep -q SIGXFSZ "$log" || { met_loader=yes; return; } ;; esac
  if [ $status = 127 ] && grep -q 'error while loading shared libraries' "$err"; then met_loader=yes; return; fi
  runs=$((runs + 1))
  # The C library ends a process that has no memory for the library's own lists; nobody can hinder it.
  if [ -n "$killed" ] && [ $status = 137 ]; then :
  elif [ $status = 134 ] && grep -q '^Fatal glibc error: .*out of memory$' "$err"; then by_libc=$((by_libc + 1))
  else
    case $allowed in *" $status "*) ;; *) bad "exit code $status" ;; esac
    grep -qiE 'panick|RUST_BACKTRACE|abort|overflow' "$err" && bad 'panic text'
    if [ $status != 0 ]; then
      [ "$(grep -c . "$err")" = 1 ] || bad "$(grep -c . "$err") lines"
      grep -q '^talaria-db: ' "$err" || bad 'no cause'
    fi
  fi
  judge_files
  if [ -n "$reasons" ]; then
    failed=$((failed + 1))
    tell "$reasons under ${*}"
  fi
}
judge_files() {
  local is=between left
  cmp -s "$out/$name" "$before" && is=old
  cmp -s "$out/$name" "$expected" && is=new
  case $is.$status in
    new.0 | old.[1-9]*) ;;
    new.*) [ -n "$killed" ] || grep -q 'durable, the file itself is complete\|\.tsv' "$err" || bad 'published and failed' ;;
    old.0) bad 'not published'; wrong=$((wrong + 1)) ;;
    *) bad 'neither old nor new'; wrong=$((wrong + 1)) ;;
  esac
  if [ -e "$out/$name.clusters.tsv" ] && ! cmp -s "$out/$name.clusters.tsv" "$expected.tsv"; then
    bad 'another table'; wrong=$((wrong + 1))
  fi
  left=$(cd "$out" && ls -A | grep -vxF -e "$name" -e "$name.clusters.tsv")
  # Who is killed, or gets no memory, cannot clean up; the next one does.
  if [ -n "$killed" ] || grep -qE 'system gives no more memory|Fatal glibc error' "$err"; then left=$(grep -v '\.unfinished$' <<<"$left"); fi
  [ -n "$left" ] && bad "left: $left"
  [ ! -d "$tmp" ] || [ -z "$(ls -A "$tmp")" ] || bad "left in the folder of temporary files: $(ls -A "$tmp")"
}

# The next run succeeds, gives the right bytes, and leaves nothing.
next() {
  local killed=''
  # What was updated already would be updated once more.
  if [ "$current" = update ] && cmp -s "$out/$name" "$expected"; then cp "$before" "$out/$name"; fi
  judge
  [ $status = 0 ] || bad_now "the next run ended with $status"
}

#!/usr/bin/env bash
# Is the limit on memory hard? Each command under small limits, watched from outside, and again in a control group.
#
#   format-tests/memory-limits.sh [--quick] [--synthetic] [--table=FILE.md] FASTA ...
#
# Each FASTA is built, reduced (from the container and from FASTA), exported and looked up in under 64, 128 and 256 MiB. RssAnon of the
# process is looked at some fifty times a second, must never be above the limit, and what comes out must be what comes out with no limit.
# The same again in a control group that allows the limit and 10 %, with the files not in the page cache: nothing may be killed. A
# group counts page cache and the kernel's own memory too, which the kernel takes back when it is short. --synthetic makes an input
# of twenty times the budget of 64 MiB, and builds and reduces it. --quick: 64 MiB only. Ends with "N passed, N failed".
#
# Needs bash, awk, cmp, dd, shuf; for control groups root, and memory groups of version 1 or 2 that can be written (else says so).
set -uo pipefail
quick='' table='' synthetic='' limits=(64 128 256)
while :; do
  case ${1-} in
    --quick) quick=1 limits=(64) ;;
    --table=*) table=${1#--table=} ;;
    --synthetic) synthetic=1 ;;
    -*) sed -n '2,13p' "$0"; exit 2 ;;
    *) break ;;
  esac
  shift
done
[ $# -ge 1 ] || [ -n "$synthetic" ] || { sed -n '2,13p' "$0"; exit 2; }
root=$(cd "$(dirname "$0")/.." && pwd)
cargo build --quiet --release --locked --manifest-path "$root/Cargo.toml" -p talaria-db-cli || exit 1
talaria=${CARGO_TARGET_DIR:-$root/target}/release/talaria-db
work=$(mktemp -d "${TMPDIR:-/tmp}/memory-limits.XXXXXX")
mkdir "$work/free" "$work/held"
group='' passed=0 failed=0 rows=''

# A control group of our own. Version 2 is taken only where the memory controller is on.
if [ -w /sys/fs/cgroup/memory ] && [ -e /sys/fs/cgroup/memory/memory.limit_in_bytes ]; then
  group=/sys/fs/cgroup/memory/talaria-limits-$$ version=1
elif grep -qsw memory /sys/fs/cgroup/cgroup.subtree_control && [ -w /sys/fs/cgroup ]; then
  group=/sys/fs/cgroup/talaria-limits-$$ version=2
fi
[ -n "$group" ] && ! mkdir "$group" 2>/dev/null && group=''
trap 'rm -rf "$work"; [ -n "$group" ] && rmdir "$group"' EXIT
if [ -n "$group" ]; then echo "control groups of version $version"; else echo 'no control groups that can be written: skipped'; fi
grep -qs '^/' <(tail -n +2 /proc/swaps) && echo 'there is swap: anonymous memory in a control group may go there'

result() { # GOOD NAME
  if [ "$1" = yes ]; then passed=$((passed + 1)); echo "ok    $2"; else failed=$((failed + 1)); echo "FAIL  $2"; sed 's/^/      /' "$work/error"; fi
}
milliseconds() { echo $((${EPOCHREALTIME/[.,]/} / 1000)); }
# Runs COMMAND, and sets status, peak (KiB of anonymous memory), looks and took (ms).
watched() {
  local process key value start
  start=$(milliseconds) peak=0 looks=0
  "$@" 2>"$work/error" & process=$!
  while [ -e /proc/$process/status ]; do
    while read -r key value _; do
      if [ "$key" = RssAnon: ]; then
        looks=$((looks + 1))
        [ "$value" -gt "$peak" ] && peak=$value
        break
      fi
    done 2>/dev/null </proc/$process/status
    # A process that has ended keeps its folder until it is waited for, but no memory.
    [ "${key:-}" = RssAnon: ] || break
    sleep 0.02
  done
  wait $process; status=$?
  took=$(($(milliseconds) - start))
}
# Lets the group have so many bytes.
allow() {
  if [ "$version" = 1 ]; then
    # What earlier commands left charged has to go first.
    echo 0 >"$group/memory.force_empty"
    echo "$1" >"$group/memory.limit_in_bytes" && echo 0 >"$group/memory.max_usage_in_bytes"
  else
    echo "$1" >"$group/memory.max" && { [ ! -e "$group/memory.swap.max" ] || echo 0 >"$group/memory.swap.max"; }
  fi
}
kills() { awk '$1 == "oom_kill" { print $2 }' "$group/memory.oom_control" "$group/memory.events" 2>/dev/null; }
# Becomes the command of the case: its output in FOLDER, and in the group if GROUPED says so.
launch() { # GROUPED FOLDER ARGUMENT...
  local grouped=$1 folder=$2 part command=(); shift 2
  for part in "${line[@]}"; do command+=("${part/#OUT/$folder/$name}"); done
  # Nothing goes to standard output where OUT is the output.
  exec >"$folder/$name.stdout"
  [ "$grouped" = no ] || echo $BASHPID >"$group/cgroup.procs" || exit 1
  exec "$talaria" "${command[@]}" "$@"
}
forget() { local file; for file in "$@"; do dd if="$file" iflag=nocache count=0 status=none; done; }
same() { # Whether held has what free has, and nothing else
  diff <(ls "$work/free") <(ls "$work/held") >>"$work/error" || return 1
  local file
  for file in "$work"/free/*; do cmp "$file" "$work/held/${file##*/}" >>"$work/error" 2>&1 || return 1; done
}
empty() { rm -rf "$work/$1"; mkdir "$work/$1"; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", a / (b ? b : 1) }'; }
mebibytes() { awk -v a="$1" 'BEGIN { printf "%.1f MiB", a / 1024 }'; }

# NAME INPUT ARGUMENT...: one command, of which INPUT is the file that it reads, and OUT is what it writes if that is not standard output.
# What it gives with no limit is what the others must give.
case_of() {
  local label=$1 input=$2 name=${1//[^a-z]/-} limit good killed kept took_free took_held peak_held grouped; shift 2
  local line=("$@") of="$set, $label"
  empty free
  watched launch no "$work/free"
  took_free=$took good=no
  [ "$status" = 0 ] && good=yes
  result $good "$of, no limit: $peak KiB in $((took)) ms"
  [ $good = yes ] || return
  for limit in "${limits[@]}"; do
    empty held
    watched launch no "$work/held" --max-memory "${limit}M" "--monitor-memory=$work/series.json"
    peak_held=$peak took_held=$took good=yes
    kept=$(sed -n 's/.*"peak":{"anonymous":\([0-9]*\),.*/\1/p' "$work/series.json"); kept=$((${kept:-0} >> 10))
    [ "$status" = 0 ] && [ "$peak" -gt 0 ] && [ "$peak" -le $((limit << 10)) ] || good=no
    # The program looks less often than we do, but it may not say nothing, nor more than the limit.
    [ "$kept" -gt 0 ] && [ "$kept" -le $((limit << 10)) ] || good=no
    [ $((looks * 100)) -ge "$took" ] || { echo "only $looks looks in $took ms" >>"$work/error"; good=no; }
    same || good=no
    result $good "$of, $limit MiB: $peak KiB in $looks looks, by itself $kept KiB, $(ratio "$took" "$took_free") of the time"
    grouped=skipped
    if [ -n "$group" ]; then
      empty held
      forget "$input" "$talaria"
      allow $(((limit << 20) / 10 * 11))
      killed=$(kills)
      watched launch yes "$work/held" --max-memory "${limit}M"
      killed=$(($(kills) - killed)) good=no
      [ "$status" = 0 ] && [ "$killed" = 0 ] && [ "$peak" -le $((limit << 10)) ] && same && good=yes
      grouped="exit $status, $killed killed"
      [ $good = yes ] && grouped='same, none killed'
      result $good "$of, $limit MiB, in a group of 10 % more: $peak KiB, exit $status, $killed killed"
    fi
    rows+="| $set | $label | $limit MiB | $(mebibytes "$peak_held") | $(mebibytes "$kept") | $grouped | $(ratio "$took_held" "$took_free") |"$'\n'
  done
}

# A FASTA of so many MiB, the same at every run: windows of a pool of residues, one record in eight the copy of another.
synthetic() {
  LC_ALL=C awk -v size=$(($1 << 20)) 'BEGIN {
    seed = 20
    for (at = 0; at < 1000; at++) {
      piece = ""
      for (letter = 0; letter < 1000; letter++) { seed = seed * 16807 % 2147483647; piece = piece substr("ACDEFGHIKLMNPQRSTVWY", seed % 20 + 1, 1) }
      pool = pool piece
    }
    for (record = 0; written < size; record++) {
      seed = seed * 16807 % 2147483647; at = seed % 999000
      seed = seed * 16807 % 2147483647; length_ = 100 + seed % 600
      if (record % 8 == 7) { at = at % 100 * 1000; length_ = 300 + at % 7 }
      text = ">made|" record "| a record of a made-up set\n"
      for (end = at + length_; at < end; at += 60) text = text substr(pool, at + 1, end - at < 60 ? end - at : 60) "\n"
      printf "%s", text
      written += length(text)
    }
  }'
}

for fasta in "$@"; do
  set=${fasta##*/}
  db=$work/db.talaria
  case_of build "$fasta" build "$fasta" -o OUT.talaria --quiet
  mv "$work"/free/build.talaria "$db" || { failed=$((failed + 1)); continue; }
  case_of 'reduce, container' "$db" reduce --method exact "$db" -o OUT.talaria --quiet
  case_of 'reduce, FASTA' "$fasta" reduce --method exact "$fasta" -o OUT.talaria --quiet
  case_of export "$db" export "$db"
  case_of 'build, similarity' "$fasta" build "$fasta" -o OUT.talaria --order similarity --quiet
  placed=$work/placed.talaria
  mv "$work"/free/build--similarity.talaria "$placed" || { failed=$((failed + 1)); continue; }
  case_of 'export, similarity' "$placed" export "$placed"
  case_of 'reduce, similarity' "$placed" reduce --method exact "$placed" -o OUT.talaria --quiet
  grep '^>' "$fasta" | cut -c2- | awk '{ print $1 }' | shuf -n 100000 --random-source=<(yes) >"$work/ids"
  case_of '100,000 lookups' "$db" get "$db" --file "$work/ids"
done
if [ -n "$synthetic" ]; then
  set=synthetic limits=(64)
  synthetic $((20 * 64)) >"$work/synthetic.fasta"
  case_of build "$work/synthetic.fasta" build "$work/synthetic.fasta" -o OUT.talaria --quiet
  mv "$work"/free/build.talaria "$work/db.talaria"
  case_of 'reduce, container' "$work/db.talaria" reduce --method exact "$work/db.talaria" -o OUT.talaria --quiet
  [ -n "$quick" ] || case_of 'reduce, FASTA' "$work/synthetic.fasta" reduce --method exact "$work/synthetic.fasta" -o OUT.talaria --quiet
fi
if [ -n "$table" ]; then
  {
    echo '| set | work | limit | peak, anonymous | peak by itself | in a group of 10 % more | time, to no limit |'
    echo '|---|---|---|---|---|---|---|'
    printf %s "$rows"
  } >"$table"
fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]

#!/usr/bin/env bash
# The main job on real files, of any size: build within a limit and without one, look up, export, reduce, give back.
#
#   format-tests/real-sets.sh FASTA ...
#
# Says what it found for each file, and ends with "N passed, N failed". Needs bash, awk, cmp, shuf.
set -uo pipefail
[ $# -ge 1 ] || { sed -n '2,6p' "$0"; exit 2; }
root=$(cd "$(dirname "$0")/.." && pwd)
cargo build --quiet --release --locked --manifest-path "$root/Cargo.toml" -p talaria-db-cli || exit 1
talaria=${CARGO_TARGET_DIR:-$root/target}/release/talaria-db
work=$(mktemp -d "${TMPDIR:-/tmp}/real-sets.XXXXXX")
trap 'rm -rf "$work"' EXIT
passed=0 failed=0
check() { # NAME COMMAND...
  local name=$1; shift
  if "$@" 2>"$work/error"; then
    passed=$((passed + 1)); echo "ok    $name"
  else
    failed=$((failed + 1)); echo "FAIL  $name"; sed 's/^/      /' "$work/error"
  fi
}

# The most anonymous memory of a command, in KiB, looked at every 10 ms; fails with the command, or above LIMIT.
within() { # LIMIT COMMAND...
  local limit=$1 peak=0 now; shift
  "$@" & local process=$!
  while kill -0 $process 2>/dev/null; do
    now=$(awk '/^RssAnon/ { print $2 }' /proc/$process/status 2>/dev/null)
    [ -n "$now" ] && [ "$now" -gt "$peak" ] && peak=$now
    sleep 0.01
  done
  wait $process || return 1
  echo "      peak of anonymous memory: $peak of $limit KiB"
  [ "$peak" -le "$limit" ]
}
same_export() { "$talaria" export "$@" | cmp - "$fasta"; }
one_line() { # FASTA as id<TAB>residues, case and odd letters kept, by an independent way
  awk '/^>/ { if (NR > 1) printf "\n"; printf "%s\t", substr($1, 2); next } { gsub(/[ \t\r]/, ""); printf "%s", $0 } END { printf "\n" }' "$@"
}
same_lookups() { # CONTAINER
  one_line "$fasta" | awk -F'\t' 'NR == FNR { count[$1]++; residues[$1] = $2; next } count[$1] == 1 { print $1 "\t" residues[$1] }' - "$work/ids" >"$work/expected"
  cut -f1 "$work/expected" >"$work/unique"
  "$talaria" get "$1" --file "$work/unique" --line-width 0 | one_line | cmp - "$work/expected"
}

for fasta in "$@"; do
  echo "$fasta"
  db=$work/db.talaria
  rm -f "$work"/*.talaria*
  check 'build, no limit' "$talaria" build "$fasta" -o "$db" --quiet
  check 'build within 128 MiB' within $((128 << 10)) "$talaria" build "$fasta" -o "$work/limited.talaria" --quiet --max-memory 128M
  check 'the same bytes' cmp "$db" "$work/limited.talaria"
  check 'one thread, the same bytes' "$talaria" build "$fasta" -o "$work/limited.talaria" --quiet --threads 1
  check 'the same bytes' cmp "$db" "$work/limited.talaria"
  check 'export' same_export "$db"
  check 'export within 64 MiB, by pread' same_export "$db" --max-memory 64M --no-mmap
  check 'verify' "$talaria" verify "$db"
  grep '^>' "$fasta" | cut -c2- | awk '{ print $1 }' | shuf -n 100000 --random-source=<(yes) | sort -u >"$work/ids"
  check '100,000 lookups' same_lookups "$db"
  check 'reduce within 128 MiB' within $((128 << 10)) "$talaria" reduce "$db" -o "$work/reduced.talaria" --quiet --max-memory 128M
  check 'export of the reduction' same_export "$work/reduced.talaria"
  check 'verify of the reduction' "$talaria" verify "$work/reduced.talaria"
  for identity in 0.5 0.9; do
    least=$identity
    if [ "$identity" = 0.5 ] && "$talaria" stats "$db" | grep -qiE 'alphabet.*(dna|rna)'; then least=0.7; fi
    check "clusters at $least" "$talaria" reduce "$db" -o "$work/reduced.talaria" --quiet --method cluster --min-identity "$least"
    check 'export of the clusters' same_export "$work/reduced.talaria"
    check 'verify of the clusters' "$talaria" verify "$work/reduced.talaria"
    check '100,000 lookups in the clusters' same_lookups "$work/reduced.talaria"
  done
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]

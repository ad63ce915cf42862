#!/usr/bin/env bash
# Does the program lose memory, or read what it should not? Its main commands under valgrind's memcheck.
#
#   format-tests/leak-check.sh [FASTA]
#
# Builds, looks up, exports, reduces and verifies (fixtures/example.fasta unless told otherwise) with the unoptimized program, which has all its
# symbols. Anything definitely or indirectly lost, and any invalid access, is a failure. Says "skipped" where valgrind is missing.
# Takes a minute. Ends with "N passed, N failed".
set -uo pipefail
case ${1-} in -*) sed -n '2,8p' "$0"; exit 2 ;; esac
command -v valgrind >/dev/null || { echo 'skipped: there is no valgrind'; exit 0; }
root=$(cd "$(dirname "$0")/.." && pwd)
fasta=${1:-$root/fixtures/example.fasta}
cargo build --quiet --locked --manifest-path "$root/Cargo.toml" -p talaria-db-cli || exit 1
talaria=${CARGO_TARGET_DIR:-$root/target}/debug/talaria-db
work=$(mktemp -d "${TMPDIR:-/tmp}/leak-check.XXXXXX")
trap 'rm -rf "$work"' EXIT
passed=0 failed=0
# Code 99 is no exit code of the program's own.
check() { # NAME ARGUMENT...
  local name=$1; shift
  valgrind --quiet --leak-check=full --show-leak-kinds=definite,indirect --errors-for-leak-kinds=definite,indirect \
    --error-exitcode=99 --num-callers=30 --log-file="$work/valgrind" "$talaria" "$@" >"$work/out" 2>"$work/error"
  local code=$?
  if [ $code = 0 ] && [ ! -s "$work/valgrind" ]; then
    passed=$((passed + 1)); echo "ok    $name"
  else
    failed=$((failed + 1)); echo "FAIL  $name: exit $code"; sed 's/^/      /' "$work/error" "$work/valgrind" | head -60
  fi
}
db=$work/db.talaria
ids=$(grep '^>' "$fasta" | awk '{ print substr($1, 2) }' | sort -u | head -20)
check 'build' build "$fasta" -o "$db" --quiet
check 'build, verified, with the least memory' build "$fasta" -o "$work/least.talaria" --verify --threads 1 --max-memory 64M --quiet
# shellcheck disable=SC2086
check 'get' get "$db" $ids
check 'get from FASTA' get "$fasta" $ids
check 'export' export "$db"
cmp "$work/out" "$fasta" || failed=$((failed + 1))
check 'export, not mapped' export "$db" --no-mmap
check 'reduce' reduce --method exact "$db" -o "$work/reduced.talaria" --quiet
check 'reduce, FASTA to FASTA, watched' reduce -i "$fasta" -o "$work/reduced.fasta" "--monitor-memory=$work/series.json"
check 'verify' verify "$work/reduced.talaria"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]

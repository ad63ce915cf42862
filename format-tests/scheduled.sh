#!/usr/bin/env bash
# All that takes too long for `cargo test`, one after the other. What each part asks is in TESTING.md.
#
#   format-tests/scheduled.sh [--quick] [--only=PART,...] [--folder=FOLDER] [FASTA ...]
#
# Parts: faults, power, loom, races, changes, rot, memory, leaks, fuzz, coverage, sets. What each of them said is in FOLDER (target/scheduled) as PART.txt, and
# its tables beside that. FASTA files of your own go through the parts memory and sets. --quick takes samples: less than an hour in place of half a
# day, most of which is the fuzzers'; FUZZ_SECONDS says how long each of these runs (3600).
#
# A part without its means says "skipped" and why. Ends with a table; the exit code is 1 if a part failed.
set -uo pipefail
quick='' only='' folder=''
while [ $# -gt 0 ]; do
  case $1 in
    --quick) quick=1 ;;
    --only=*) only=,${1#--only=}, ;;
    --folder=*) folder=$(realpath -m "${1#--folder=}") ;;
    -*) sed -n '2,10p' "$0"; exit 2 ;;
    *) break ;;
  esac
  shift
done
files=()
for fasta; do
  [ -r "$fasta" ] || { echo "cannot read $fasta" >&2; exit 2; }
  files+=("$(realpath "$fasta")")
done
cd "$(dirname "$0")/.." || exit 1
mkdir -p "${folder:=$PWD/target/scheduled}" || exit 1
export CARGO_TERM_COLOR=never INSTA_UPDATE=no

# The sample where there is to be one, else all of it.
either() { if [ -n "$quick" ]; then echo "$1"; else echo "$2"; fi; }

faults() { format-tests/faults.sh $(either '--every=12 --kills=60' '--kills=1000') --table="$folder/faults.md"; }
power() { format-tests/faults.sh --only=limits,power --cuts="$(either 25 200)" --table="$folder/power.md"; }
loom() { RUSTFLAGS='--cfg loom' cargo test --quiet --release --locked -p talaria-db --lib loom; }
races() { format-tests/thread-check.sh "$(either 60 720)"; }
changes() {
  if [ -z "$quick" ]; then export TALARIA_ALL_CHANGES=1; fi
  cargo test --quiet --locked -p talaria-db-format-tests --test second_reader changed -- --nocapture
}
rot() {
  TALARIA_CHANGES=$(either 3000 100000) \
    cargo test --quiet --release --locked -p talaria-db-format-tests --test rot -- --nocapture
}
memory() {
  if [ -n "$quick" ] && [ ${#files[@]} = 0 ]; then echo 'skipped: no FASTA was named'; return; fi
  format-tests/memory-limits.sh "$(either --quick --synthetic)" --table="$folder/memory.md" "${files[@]}"
}
leaks() { format-tests/leak-check.sh; }
coverage() {
  if [ -n "$quick" ]; then echo 'skipped: it is the whole suite once more'; return; fi
  format-tests/coverage.sh "$folder/coverage"
}
sets() {
  if [ ${#files[@]} = 0 ]; then echo 'skipped: no FASTA was named'; return; fi
  format-tests/real-sets.sh "${files[@]}"
}
# New inputs stay in the folder, and are where the next run begins.
fuzz() {
  local target failed=0 seconds
  command -v cargo-fuzz >/dev/null || { echo 'skipped: there is no cargo-fuzz (cargo install cargo-fuzz)'; return; }
  seconds=${FUZZ_SECONDS:-$(either 60 3600)}
  cd format-tests/fuzz && export RUSTC_BOOTSTRAP=1 && cargo fuzz build --fuzz-dir . || return 1
  for target in fuzz_targets/*.rs; do
    target=$(basename "$target" .rs)
    mkdir -p "$folder/corpus/$target"
    cargo fuzz run --fuzz-dir . "$target" "$folder/corpus/$target" "../../fixtures/fuzz/$target" -- \
      -artifact_prefix="$folder/$target-" -max_len=16384 -rss_limit_mb=1024 -timeout=60 \
      -max_total_time="$seconds" -print_final_stats=1 >"$folder/fuzz-$target.txt" 2>&1
    case $? in
      0) echo "$target: $(sed -n 's/^stat::number_of_executed_units: *//p' "$folder/fuzz-$target.txt") executions" ;;
      *) failed=1; echo "FAIL  $target: see fuzz-$target.txt" ;;
    esac
  done
  return $failed
}

table='| part | result | minutes | said |\n|---|---|---|---|\n' code=0
for part in faults power loom races changes rot memory leaks fuzz coverage sets; do
  case ${only:-,$part,} in *,$part,*) ;; *) continue ;; esac
  echo "$part ..."
  begun=$SECONDS result=passed
  # In a process of its own, so that nothing of one part is left for the next.
  ($part) >"$folder/$part.txt" 2>&1 || { result=FAILED code=1; }
  grep -q '^skipped' "$folder/$part.txt" && [ $result = passed ] && result='partly or wholly skipped'
  said=$(grep -E '^skipped|^test result|^[0-9]+ (passed|runs)|executions$|FAIL|^[0-9]+ places' "$folder/$part.txt" | tail -8 | paste -sd ';' | sed 's/|/\\|/g; s/;/; /g')
  table+="| $part | $result | $(((SECONDS - begun + 30) / 60)) | $said |\n"
done
printf '\n%b' "$table" | tee "$folder/scheduled.md"
exit $code

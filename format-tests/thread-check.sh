#!/usr/bin/env bash
# Do two threads touch the same memory without order? The stress test, and what else runs in threads, under the thread sanitizer.
#
#   format-tests/thread-check.sh [SECONDS]
#
# The sanitizer comes with the compiler, whose stable version has it under `RUSTC_BOOTSTRAP=1`; the standard library is built anew with it, from its
# sources (`rustup component add rust-src`). The C code of Zstandard is not watched; what it is handed is. The stress test is repeated for SECONDS (60).
# Says "skipped" where the sources are missing. Takes some minutes, most of them a build in a folder of its own. Ends with "N passed, N failed".
set -uo pipefail
case ${1-} in -*) sed -n '2,9p' "$0"; exit 2 ;; esac
seconds=${1:-60}
sysroot=$(rustc --print sysroot) || exit 1
[ -e "$sysroot/lib/rustlib/src/rust/library/Cargo.lock" ] || { echo 'skipped: there are no sources of the standard library'; exit 0; }
root=$(cd "$(dirname "$0")/.." && pwd)
host=$(rustc -vV | sed -n 's/^host: //p')
export RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Zsanitizer=thread
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$root/target}/thread-sanitizer
# A warning ends the test with a code of its own.
export TSAN_OPTIONS="halt_on_error=1 exitcode=66 ${TSAN_OPTIONS-}"
tests() { # ARGUMENT...
  cargo test --quiet --release --locked --manifest-path "$root/Cargo.toml" -Zbuild-std --target "$host" -p talaria-db "$@"
}
passed=0 failed=0
check() { # NAME ARGUMENT...
  local name=$1; shift
  if output=$(tests "$@" 2>&1); then
    passed=$((passed + 1)); echo "ok    $name"
  else
    failed=$((failed + 1)); echo "FAIL  $name"; printf '%s\n' "$output" | tail -80
  fi
}
tests --no-run || exit 1
# The sanitizer leaves memory unlocked.
check 'all that runs in the library' --lib -- --skip locked_buffers_are_locked
end=$((SECONDS + seconds)) rounds=0
while [ $rounds = 0 ] || { [ $SECONDS -lt $end ] && [ $failed = 0 ]; }; do
  rounds=$((rounds + 1))
  check "many threads and one database, round $rounds" --test stress
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]

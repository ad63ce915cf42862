#!/usr/bin/env bash
# Lines and branches of `spec` and of the reading side of `engine` that the suite runs, file by file.
#
#   format-tests/coverage.sh [--missing FILE] [FILTER ...]
#
# Builds with the compiler's own instrumentation in target/coverage, runs the suite (FILTER as for `cargo test`), and
# prints a table. With --missing it writes the lines that no test ran to FILE. Branches need a flag that a stable
# compiler has under RUSTC_BOOTSTRAP=1. `rustup component add llvm-tools` brings llvm-profdata and llvm-cov.
set -euo pipefail
cd "$(dirname "$0")/.."
missing=
if [ "${1:-}" = --missing ]; then missing=$2; shift 2; fi
tools=$(dirname "$(find "$(rustc --print sysroot)" -name llvm-cov -type f | head -1)" 2>/dev/null)
[ -x "$tools/llvm-profdata" ] || { echo "skipped: there is no llvm-profdata (rustup component add llvm-tools)" >&2; exit 0; }

target=${CARGO_TARGET_DIR:-target}/coverage
mkdir -p "$target"
target=$(cd "$target" && pwd)
export CARGO_TARGET_DIR=$target RUSTC_BOOTSTRAP=1 RUSTFLAGS="-Cinstrument-coverage -Zcoverage-options=branch"
# Few files, as the program is run thousands of times.
export LLVM_PROFILE_FILE=$target/profiles/%m_%4m.profraw
rm -rf "$target/profiles"
cargo test --workspace --locked --no-fail-fast --lib --bins --tests "$@"

"$tools/llvm-profdata" merge -sparse "$target"/profiles/*.profraw -o "$target/all.profdata"
objects=()
for program in "$target/debug/talaria-db" $(find "$target/debug/deps" -maxdepth 1 -type f -executable ! -name '*.so'); do
    objects+=(--object "$program")
done
places=(spec/src engine/src/read)
without='/tests?(\.rs|/)'
"$tools/llvm-cov" report "${objects[@]:1}" --instr-profile "$target/all.profdata" --ignore-filename-regex "$without" \
    --show-branch-summary --show-region-summary=false --show-functions=false "${places[@]}" 2>/dev/null |
    sed "s|$PWD/||" | awk 'NF > 6 || /^-/ {print}'
if [ -n "$missing" ]; then
    "$tools/llvm-cov" show "${objects[@]:1}" --instr-profile "$target/all.profdata" --ignore-filename-regex "$without" \
        --show-line-counts --show-instantiations=false "${places[@]}" 2>/dev/null |
        sed "s|$PWD/||" | awk '/^[^ ].*\.rs:$/ {file = $0} /^ +[0-9]+\| +0\|/ {print file $0}' > "$missing"
    echo "lines that no test ran: $(wc -l < "$missing"), in $missing"
fi

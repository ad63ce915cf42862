#!/usr/bin/env bash
# Which lines and branches the suite runs, by folder, and which lines of `spec` and of `engine/src/read` it does not.
#
#   format-tests/coverage.sh [FOLDER]      (target/coverage unless given: what is built, what was counted, and lines.txt)
#
# Needs the component llvm-tools of the toolchain (`rustup component add llvm-tools`). Branches are counted by a flag of the compiler that is
# not stable, which RUSTC_BOOTSTRAP allows. Tests in documentation are not counted, nor what a process ran that a signal ended. Three tests of the
# command fail here, as counting itself opens a file and writes to it: few_descriptors, reading_needs_no_permission_to_write and
# a_file_that_may_not_grow_is_an_error. Takes a quarter of an hour on 2 cores.
set -euo pipefail
cd "$(dirname "$0")/.."

folder=$(mkdir -p "${1:-target/coverage}" && cd "${1:-target/coverage}" && pwd)
tools=$(dirname "$(find "$(rustc --print sysroot)" -name llvm-cov -type f | head -1)")
[ -x "$tools/llvm-cov" ] || { echo "llvm-cov is needed: rustup component add llvm-tools" >&2; exit 1; }

export RUSTC_BOOTSTRAP=1 CARGO_TARGET_DIR=$folder/target CARGO_TERM_COLOR=never INSTA_UPDATE=no
export RUSTFLAGS="-C instrument-coverage -Z coverage-options=branch"
# Processes add to four files a program, instead of leaving one each.
export LLVM_PROFILE_FILE=$folder/counted/%4m.profraw
rm -rf "$folder/counted"
programs=(--workspace --locked --lib --bins --tests)
LLVM_PROFILE_FILE=/dev/null cargo test "${programs[@]}" --no-run --message-format json > "$folder/built.json"
cargo test "${programs[@]}" --no-fail-fast > "$folder/tests.txt" 2>&1 || echo "some tests failed: see $folder/tests.txt" >&2

"$tools/llvm-profdata" merge --sparse "$folder"/counted/*.profraw -o "$folder/all.profdata"
python3 - "$folder" "$tools/llvm-cov" <<'PYTHON'
import json, os, subprocess, sys

folder, llvm_cov = sys.argv[1:]
root = os.getcwd() + "/"
programs = []
for line in open(f"{folder}/built.json"):
    message = json.loads(line)
    if message.get("executable"):
        programs += ["--object", message["executable"]]
data = subprocess.run(
    [llvm_cov, "export", "--instr-profile", f"{folder}/all.profdata", *programs[1:]], check=True, capture_output=True
).stdout
files = [file for file in json.loads(data)["data"][0]["files"] if file["filename"].startswith(root)]

def room(path):
    parts = path.split("/")
    return "/".join(parts[:3]) if parts[0] == "engine" and len(parts) > 3 else "/".join(parts[:2])

rooms, missed = {}, []
for file in files:
    path = file["filename"][len(root):]
    if "/src/" not in path or path.startswith(("format-tests", "benches")) or any(part.removesuffix(".rs").endswith("tests") for part in path.split("/")):
        continue
    sums = rooms.setdefault(room(path), [0, 0, 0, 0])
    for at, kind in ((0, "lines"), (2, "branches")):
        sums[at] += file["summary"][kind]["covered"]
        sums[at + 1] += file["summary"][kind]["count"]
    # A segment is (line, column, count, has a count, begins a region, is a gap): it holds until the next one.
    lines = sorted({segment[0] for segment in file["segments"] if segment[3] and segment[4] and not segment[5] and segment[2] == 0})
    if lines and path.startswith(("spec/", "engine/src/read/")):
        missed.append((path, lines))

share = lambda covered, count: f"{100 * covered / count:.1f} % of {count:,}" if count else ""
print("| folder | lines | branches |\n|---|---|---|")
for name, (lines, of_lines, branches, of_branches) in sorted(rooms.items()):
    print(f"| `{name}` | {share(lines, of_lines)} | {share(branches, of_branches)} |")
with open(f"{folder}/lines.txt", "w") as out:
    for path, lines in sorted(missed):
        source = open(path).read().splitlines()
        for line in lines:
            print(f"{path}:{line}: {source[line - 1].strip()}", file=out)
print(f"\n{sum(len(lines) for _, lines in missed)} places of spec and engine/src/read that no test runs: {folder}/lines.txt")
PYTHON

#!/usr/bin/env bash
# talaria-db beside its peers: build, size, export, 100,000 lookups, one lookup. Same file, 2 threads, runs interleaved, medians.
#
#   benches/peers.sh FASTA [RUNS]          (5 runs unless told otherwise)
#
# Installs nothing; a peer that is not there is skipped and listed. Needs bash, awk, GNU time, shuf. Prints a table in Markdown:
# wall seconds, CPU seconds and peak resident memory (MB) of each job.
set -euo pipefail
fasta=$(realpath "${1:?usage: benches/peers.sh FASTA [RUNS]}")
runs=${2:-5}
root=$(cd "$(dirname "$0")/.." && pwd)
cargo build --quiet --release --manifest-path "$root/Cargo.toml" -p talaria-db-cli
talaria=${CARGO_TARGET_DIR:-$root/target}/release/talaria-db
work=$(mktemp -d "${TMPDIR:-/tmp}/peers.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"
ln -s "$fasta" in.fa
have() { command -v "$1" >/dev/null; }
results=$work/results.tsv
skipped=

# Ids that are unique in the file, so that every peer has one answer; the same ones every time.
awk '/^>/ { print substr($1, 2) }' in.fa | sort | uniq -u | shuf --random-source=<(yes) >unique.txt
head -n 100000 unique.txt >ids.txt
one=$(head -n 1 ids.txt)
count=$(wc -l <ids.txt)

measure() { # JOB TOOL COMMAND: one run, appended to the results; a failure is a row too
  local job=$1 tool=$2 command=$3
  if /usr/bin/time -o time.txt -f '%e %U %S %M' bash -c "$command" >out.txt 2>err.txt; then
    awk -v job="$job" -v tool="$tool" 'END { printf "%s\t%s\t%s\t%s\t%s\n", job, tool, $1, $2 + $3, $4 / 1024 }' time.txt >>"$results"
  else
    printf '%s\t%s\tfailed\t\t\n' "$job" "$tool" >>"$results"
  fi
}

build_jobs() {
  measure build talaria-db "$talaria build in.fa -o t.talaria --threads 2 --quiet"
  have bgzip && have samtools && measure build 'bgzip+faidx' 'bgzip -@2 -c in.fa >b.fa.gz && samtools faidx b.fa.gz'
  have samtools && measure build 'samtools faidx' 'cp --reflink=auto in.fa s.fa && samtools faidx s.fa'
  have makeblastdb && measure build BLAST "makeblastdb -in in.fa -dbtype $kind -parse_seqids -out blast/db"
  have mmseqs && measure build MMseqs2 'rm -rf mm && mkdir mm && mmseqs createdb in.fa mm/db --shuffle 0 -v 1'
  have mmseqs && measure build 'MMseqs2 compressed' 'rm -rf mz && mkdir mz && mmseqs createdb in.fa mz/db --shuffle 0 --compressed 1 -v 1'
  have diamond && [ "$kind" = prot ] && measure build DIAMOND 'diamond makedb --in in.fa -d d --threads 2 --quiet'
  have pyfastx && measure build pyfastx 'rm -f p.fa p.fa.fxi; cp --reflink=auto in.fa p.fa; pyfastx index p.fa'
  true
}
export_jobs() {
  measure export talaria-db "$talaria export t.talaria --threads 2 >/dev/null"
  [ -s b.fa.gz ] && measure export 'bgzip -dc -@2' 'bgzip -dc -@2 b.fa.gz >/dev/null'
  [ -d blast ] && measure export blastdbcmd 'blastdbcmd -db blast/db -entry all -outfmt %f >/dev/null'
  have seqkit && measure export 'seqkit seq' 'seqkit seq -j 2 in.fa >/dev/null'
  [ -d mz ] && measure export 'MMseqs2 compressed' 'mmseqs convert2fasta mz/db e.fa -v 1'
  have zstd && measure export 'zstd -dc' 'zstd -dc z.zst >/dev/null'
  measure export cat 'cat in.fa >/dev/null'
}
batch_jobs() {
  measure "$count lookups" talaria-db "$talaria get t.talaria -f ids.txt --threads 2 >/dev/null"
  have samtools && measure "$count lookups" 'samtools faidx' 'samtools faidx s.fa -r ids.txt >/dev/null'
  [ -s b.fa.gz ] && measure "$count lookups" 'samtools faidx, bgzip' 'samtools faidx b.fa.gz -r ids.txt >/dev/null'
  [ -d blast ] && measure "$count lookups" blastdbcmd 'blastdbcmd -db blast/db -entry_batch ids.txt >/dev/null'
  [ -d mm ] && measure "$count lookups" MMseqs2 'rm -rf sub; mkdir sub; mmseqs createsubdb --id-mode 1 --subdb-mode 1 ids.txt mm/db sub/db -v 1 && mmseqs convert2fasta sub/db sub/out.fa -v 1'
  have pyfastx && measure "$count lookups" pyfastx 'pyfastx extract -l ids.txt p.fa >/dev/null'
  have seqkit && measure "$count lookups" 'seqkit grep' 'seqkit grep -j 2 -f ids.txt in.fa >/dev/null'
  true
}
single_jobs() {
  measure 'one lookup' talaria-db "$talaria get t.talaria '$one' >/dev/null"
  have samtools && measure 'one lookup' 'samtools faidx' "samtools faidx s.fa '$one' >/dev/null"
  [ -d blast ] && measure 'one lookup' blastdbcmd "blastdbcmd -db blast/db -entry '$one' >/dev/null"
  [ -d mm ] && measure 'one lookup' MMseqs2 "echo '$one' >one.txt; rm -rf sub; mkdir sub; mmseqs createsubdb --id-mode 1 --subdb-mode 1 one.txt mm/db sub/db -v 1 && mmseqs convert2fasta sub/db sub/out.fa -v 1"
  have pyfastx && measure 'one lookup' pyfastx "pyfastx extract p.fa '$one' >/dev/null"
  have seqkit && measure 'one lookup' 'seqkit faidx' "seqkit faidx s.fa '$one' >/dev/null"
  measure 'one lookup' 'grep -A' "grep -m1 -A9 '^>$one' in.fa >/dev/null"
}

kind=$("$talaria" build in.fa -o t.talaria --threads 2 --quiet && "$talaria" stats t.talaria --json | grep -q '"protein"' && echo prot || echo nucl)
have zstd && zstd -q -T2 -1 <in.fa >z.zst
for tool in samtools bgzip makeblastdb mmseqs diamond pyfastx seqkit zstd; do have "$tool" || skipped="$skipped $tool"; done
for ((run = 0; run < runs; run++)); do build_jobs; done
for ((run = 0; run < runs; run++)); do export_jobs; done
for ((run = 0; run < runs; run++)); do batch_jobs; done
for ((run = 0; run < runs; run++)); do single_jobs; done

echo "\`benches/peers.sh $(basename "$fasta") $runs\`, $(date +%F), $(nproc) cores, $(stat -Lc %s in.fa) bytes"
echo
echo '| job | tool | wall s | times talaria-db | CPU s | peak MB |'
echo '|---|---|---|---|---|---|'
# Medians, a row a job and tool, in the order of their first appearance.
awk -F'\t' '
  function median(list, n,   i, j, t, v) {
    split(list, v, " ")
    for (i = 2; i <= n; i++) { t = v[i]; for (j = i - 1; j > 0 && v[j] + 0 > t + 0; j--) v[j + 1] = v[j]; v[j + 1] = t }
    return v[int((n + 1) / 2)]
  }
  { key = $1 "\t" $2; if (!(key in n)) order[++rows] = key
    if ($3 == "failed") { bad[key] = 1; n[key] += 0; next }
    n[key]++; wall[key] = wall[key] " " $3; cpu[key] = cpu[key] " " $4; memory[key] = memory[key] " " $5 }
  END { for (row = 1; row <= rows; row++) { key = order[row]; split(key, part, "\t")
      if (bad[key]) { printf "| %s | %s | failed | | | |\n", part[1], part[2]; continue }
      w = median(wall[key], n[key]); if (part[2] == "talaria-db") ours[part[1]] = w
      ratio = ours[part[1]] > 0 ? sprintf("%.2f", w / ours[part[1]]) : "-"
      printf "| %s | %s | %.2f | %s | %.2f | %.0f |\n", part[1], part[2], w, ratio, median(cpu[key], n[key]), median(memory[key], n[key]) } }
' "$results"
echo
echo '| file | bytes | of the FASTA |'
echo '|---|---|---|'
size() { # NAME FILE...
  local name=$1 bytes; shift
  bytes=$(cat "$@" 2>/dev/null | wc -c)
  [ "$bytes" -gt 0 ] && awk -v n="$name" -v b="$bytes" -v f="$(stat -Lc %s in.fa)" 'BEGIN { printf "| %s | %d | %.3f |\n", n, b, b / f }'
  true
}
size talaria-db t.talaria
size 'bgzip+faidx' b.fa.gz b.fa.gz.fai b.fa.gz.gzi
size BLAST blast/db*
size MMseqs2 mm/db*
size 'MMseqs2 compressed' mz/db*
size DIAMOND d.dmnd
size 'zstd -1' z.zst
echo
[ -z "$skipped" ] || echo "Not installed, skipped:$skipped"
version() { printf '%s: %s\n' "$1" "$("${@:2}" 2>&1 | grep -m1 -E '[0-9]\.[0-9]' || true)"; }
version talaria-db "$talaria" --version
have samtools && version samtools samtools --version
have makeblastdb && version BLAST makeblastdb -version
have mmseqs && printf 'MMseqs2: %s\n' "$(mmseqs version)"
have diamond && version DIAMOND diamond version
have pyfastx && version pyfastx pyfastx --version
have seqkit && version seqkit seqkit version
have zstd && version zstd zstd --version

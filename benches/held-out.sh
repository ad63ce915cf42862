#!/usr/bin/env bash
# What a search of the references finds, of what a search of everything finds: for queries that are held out, by bands of e-values.
#
#   benches/held-out.sh ALL.fasta SOME.fasta [IDENTITY ...]
#
# Every 40th record of SOME is a query; ALL is searched without records of the same name or the same residues. Hits on references are expanded to their
# members by `talaria-db expand`. Needs DIAMOND, and `talaria-db` in the path or in TALARIA_DB.
set -euo pipefail

all=$1 some=$2
shift 2
talaria_db=${TALARIA_DB:-talaria-db}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

one_line() { awk '/^>/ { if (NR > 1) print name "\t" residues; name = substr($0, 2); residues = ""; next } { residues = residues $0 } END { print name "\t" residues }' "$1"; }
one_line "$some" | awk -F '\t' 'NR % 40 == 1' > "$folder/queries.tsv"
one_line "$all" | awk -F '\t' '
    NR == FNR { split($1, words, " "); name[words[1]]; residues[$2]; next }
    { split($1, words, " "); if (!(words[1] in name) && !($2 in residues)) print ">" $1 "\n" $2 }' "$folder/queries.tsv" - > "$folder/all.fasta"
awk -F '\t' '{ print ">" $1 "\n" $2 }' "$folder/queries.tsv" > "$folder/queries.fasta"
size=$(awk '!/^>/ { sum += length($0) } END { print sum }' "$folder/all.fasta")
echo "$(wc -l < "$folder/queries.tsv") queries, $(grep -c '^>' "$folder/all.fasta") records, $size residues; $(diamond --version)"

search() { # Hits of all queries on a FASTA file, as if it had the size of everything.
    diamond makedb --in "$1" -d "$1" --quiet
    diamond blastp --sensitive -k0 -e 1e-3 --dbsize "$size" -q "$folder/queries.fasta" -d "$1" -o "$2" --quiet
}
TIMEFORMAT='%R s, %U s of CPU'
echo -n "search of everything: "
time search "$folder/all.fasta" "$folder/all.m8"
[ $# -gt 0 ] || set -- 0.9 0.5
for identity; do
    "$talaria_db" reduce "$folder/all.fasta" -o "$folder/reduced.talaria" --method cluster --min-identity "$identity" -q
    "$talaria_db" export "$folder/reduced.talaria" --references > "$folder/references.fasta"
    echo -n "$identity: $(grep -c '^>' "$folder/references.fasta") references, searched in "
    time search "$folder/references.fasta" "$folder/references.m8"
    "$talaria_db" expand "$folder/references.m8" -d "$folder/reduced.talaria" > "$folder/expanded.m8"
    awk -F '\t' '
        NR == FNR { found[$1, $2]; expanded++; next }
        {
            band = $11 < 1e-50 ? "below 1e-50" : $11 < 1e-20 ? "1e-50 to 1e-20" : $11 < 1e-10 ? "1e-20 to 1e-10" : $11 < 1e-5 ? "1e-10 to 1e-5" : "1e-5 to 1e-3"
            known[$1, $2]; hits[band]++; all++
            if (($1, $2) in found) { kept[band]++; sum++ }
        }
        END {
            for (pair in found) right += pair in known
            printf "  hits kept: %.4f of %d; of those expanded %.4f were hits\n", sum / all, all, right / expanded
            for (band in hits) printf "  %s: %.4f of %d\n", band, kept[band] / hits[band], hits[band]
        }' "$folder/expanded.m8" "$folder/all.m8"
done

# What is run: each work has inputs, an output that is there already, and the bytes that it should come to.

work=$(mktemp -d "${TMPDIR:-/tmp}/faults.XXXXXX")
out=$work/out tmp=$work/tmp in=$work/in
mounted=''
# What a killed process had open is closed a moment later.
unmount_all() {
  local place tries
  for place in $mounted; do
    for tries in 1 2 3 4 5 6 7 8; do umount "$place" 2>/dev/null && break; sleep 0.1; done
  done
  mounted=''
}
trap 'unmount_all; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
mkdir "$out" "$tmp" "$in"
unset "${!TALARIA_@}" "${!SLURM_@}"
export XDG_CONFIG_HOME=/nowhere

# Families of proteins: of four records two are the same and two differ by a residue.
families() { # SEED RECORDS LENGTH
  awk -v seed="$1" -v records="$2" -v wide="$3" 'BEGIN {
    srand(seed); letters = "ACDEFGHIKLMNPQRSTVWY"
    for (r = 0; r < records; r++) {
      if (r % 4 == 0) { base = ""; for (i = 0; i < wide; i++) base = base substr(letters, int(rand() * 20) + 1, 1) }
      sequence = base
      if (r % 4 > 1) { at = int(rand() * (wide - 2)) + 2; sequence = substr(base, 1, at - 1) "W" substr(base, at + 1) }
      print ">r" seed "_" r " a family\n" sequence
    }
  }'
}
# Few enough for seconds, and enough for temporary files where memory is least.
records=60000
families 1 "$records" 60 >"$in/a.fasta"
gzip -k "$in/a.fasta"
families 2 "$((records / 20))" 60 >"$in/more.fasta"
families 3 200 60 >"$in/small.fasta"
# A clustering has temporary files for any input, and several writes a record.
families 4 2000 60 >"$in/few.fasta"
"$talaria" build --quiet "$in/a.fasta" -o "$in/a.talaria" || exit 1
"$talaria" build --quiet "$in/few.fasta" -o "$in/few.talaria" || exit 1
"$talaria" build --quiet "$in/small.fasta" -o "$in/other.talaria" || exit 1
"$talaria" reduce --quiet --method exact "$in/a.talaria" -o "$in/reduced.talaria" || exit 1

works='build build-gz exact references cluster update export'
limits="--max-memory 64M --tmp-dir $tmp --threads 2"
# Sets command, name of the output, and before, which is there in its place.
of_work() { # WORK
  name=out.talaria before=$in/other.talaria
  case $1 in
    build) command=(build "$in/a.fasta" -o "$out/$name" --quiet $limits) ;;
    build-gz) command=(build "$in/a.fasta.gz" -o "$out/$name" --quiet $limits) ;;
    exact) command=(reduce --method exact "$in/a.talaria" -o "$out/$name" --quiet $limits) ;;
    references) name=out.fasta command=(reduce --method exact "$in/a.talaria" -o "$out/$name" --quiet $limits) ;;
    cluster) command=(reduce --method cluster "$in/few.talaria" -o "$out/$name" --quiet $limits) ;;
    update) before=$in/reduced.talaria command=(reduce --method exact --update "$out/out.talaria" "$in/more.fasta" -o "$out/$name" --quiet $limits) ;;
    export) name=out.fasta command=(export "$in/a.talaria" -o "$out/$name" --max-memory 64M --threads 2) ;;
  esac
  command=("$talaria" "${command[@]}")
}

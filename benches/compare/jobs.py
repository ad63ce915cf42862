"""The comparison of one FASTA file: every job of every row, checked and measured."""

import collections
import glob
import os
import random

import fasta
from measure import in_turn, run

# Below this many records parts of them are looked up, of this many residues each where records are long enough, and a tenth as many as of records: some
# tools read the whole record for each.
FEW = 1000
PART = 1000


def compare(path, rows, job, options, progress):
    """A dictionary of the set, and of what each row did."""
    work = job.work
    link = os.path.join(work, "in.fa")
    if os.path.lexists(link):
        os.remove(link)
    os.symlink(os.path.abspath(path), link)
    records, sha = fasta.read(link)
    rows = [row for row in rows if job.kind in row.kinds]
    right = ask(job, rows, records, options.lookups)
    result = {
        "name": os.path.basename(path),
        "bytes": os.path.getsize(link),
        "records": len(records),
        "residues": sum(record.length for record in records),
        "kind": job.kind,
        "sha256": sha,
        "lookups": len(right["batch"]),
        "lookups_of": "regions" if job.few else "records",
        "rows": [{"name": row.name, "tool": row.tool, "note": row.note, "jobs": {}} for row in rows],
    }
    usable = rows
    for name in ("build", "export", "batch", "single"):
        if name in options.jobs or name == "build":
            usable = measure_job(name, usable, rows, result, job, right, (records, sha), options, progress)
    return result


def measure_job(name, usable, rows, result, job, right, source, options, progress):
    """One job of all rows that do it: first the answers, then the figures in turn. The rows that the next job can go on from."""
    able, failed = [], []
    for row in usable:
        if job.few and name in ("batch", "single") and not row.regions:
            continue
        steps = getattr(row, name)(job)
        if steps:
            able.append((row, steps))
    kept = {}
    for row, steps in able:
        entry = {"commands": [step.shown(job.work) for step in steps], "runs": []}
        kept[row.name] = entry
        result["rows"][rows.index(row)]["jobs"][name] = entry
    runs = options.runs * (3 if name == "single" else 1)
    timeout = options.timeout if name == "build" else options.answer_timeout
    if name != "build":
        for row, steps in list(able):
            progress(f"{result['name']}: {row.name}: {name}: answer")
            entry = kept[row.name]
            taken, entry["answer"], entry["right"] = answer(name, row, steps, job, right, source, timeout)
            if taken["exit"]:
                entry["runs"] = [taken]
                able.remove((row, steps))
    turns = in_turn(
        able,
        runs,
        options.once_over,
        lambda pair: run(pair[1], job.work, timeout),
        lambda turn, pair: progress(f"{result['name']}: {pair[0].name}: {name}, run {turn + 1} of {runs}"),
    )
    for (row, _), taken in zip(able, turns):
        entry = kept[row.name]
        entry["runs"] = taken
        if taken[-1]["exit"]:
            failed.append(row)
        elif name == "build":
            sizes = files(row, job.work)
            row_result = result["rows"][rows.index(row)]
            row_result["files"], row_result["bytes"] = sizes, sum(sizes.values())
            try:
                row_result["parts"] = row.parts(job)
            except (OSError, IndexError, ValueError):
                row_result["parts"] = {}
    return [row for row, _ in able if row not in failed] if name == "build" else usable


def answer(name, row, steps, job, right, source, timeout):
    """Runs once with the output kept; what that took, what the answer is worth in words, and whether it is right."""
    # What a tool writes to a file of its own is found there; MMseqs2 does.
    own = next((argument for step in steps for argument in step.arguments if argument.endswith(".answer")), None)
    path = os.path.join(job.work, own or "answer.out")
    taken = run(steps, job.work, timeout, output="mm.out" if own else "answer.out")
    try:
        if taken["exit"]:
            return taken, "failed", False
        got, sha = fasta.read(path)
        if name == "export":
            return taken, *fasta.exported(source[0], source[1], got, sha)
        return taken, *fasta.looked_up(right[name], got)
    finally:
        for part in glob.glob(glob.escape(path) + "*"):
            os.remove(part)


def files(row, work):
    """Sizes of the files of a row by name."""
    found = {}
    for pattern in row.files:
        for path in sorted(glob.glob(os.path.join(work, pattern))):
            found[os.path.relpath(path, work)] = os.path.getsize(path)
    return found


def ask(job, rows, records, count):
    """Chooses what is looked up, writes the files of names and of right answers, and gives what should come."""
    job.few = len(records) < FEW
    job.longest = max((record.length for record in records), default=0)
    with open(os.path.join(job.work, "in.fa"), "rb") as file:
        pieces = list(fasta.pieces(file.read()))
    wanted, forms = [], collections.defaultdict(list)
    if job.few:
        chance = random.Random(1)
        chosen = fasta.choose(records, len(records))
        longest = max((records[number].length for number in chosen), default=0)
        part = max(1, min(PART, longest // 3))
        long = [number for number in chosen if records[number].length > part]
        for _ in range(min(count // 10, sum(records[number].length for number in long) // part)):
            number = chance.choice(long)
            start = chance.randrange(records[number].length - part)
            wanted.append((records[number].id, pieces[number][1][start : start + part]))
            for tool, row in {row.tool: row for row in rows if row.regions}.items():
                forms[f"{row.names}.{tool}.regions"].append(
                    row.region(wanted[-1][0].decode(), start + 1, start + part).encode()
                )
            if len(wanted) == 1:
                job.one = f"{wanted[0][0].decode()}:{start + 1}-{start + part}"
    else:
        for number in fasta.choose(records, count):
            name = records[number].id
            wanted.append((pieces[number][0], pieces[number][1]))
            forms["id.names"].append(name)
            forms["accession.names"].append(fasta.accession(name))
            forms["number.names"].append(b"%d" % (number + 1))
        if wanted:
            job.one = forms["id.names"][0].decode()
            job.accession, job.number = forms["accession.names"][0].decode(), forms["number.names"][0].decode()
            forms["accession.one"] = forms["accession.names"][:1]
    for name, lines in forms.items():
        write(job, name, b"".join(line + b"\n" for line in lines))
    write(job, "batch.right", b"".join(b">%s\n%s\n" % piece for piece in wanted))
    write(job, "single.right", b"".join(b">%s\n%s\n" % piece for piece in wanted[:1]))
    answers = [fasta.Record(header, residues) for header, residues in wanted]
    return {"batch": answers, "single": answers[:1]}


def write(job, name, data):
    with open(os.path.join(job.work, name), "wb") as file:
        file.write(data)


def kind_of(path):
    """`nucleotide` if nine letters of ten in the first megabyte of residues are bases, else `protein`."""
    with open(path, "rb") as file:
        data = file.read(1 << 20)
    residues = b"".join(residues for _, residues in fasta.pieces(data)).upper()
    bases = sum(residues.count(bytes([letter])) for letter in b"ACGTUN")
    return "nucleotide" if residues and bases >= 0.9 * len(residues) else "protein"

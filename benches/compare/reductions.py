"""Reductions beside those of other tools: identical records, and similar ones at the usual identities.

What is checked is the form: that every record is in one cluster and every representative in its own, and of identical ones that they are. Whether members are
as alike as a tool says, and what a search of the representatives finds, is measured apart (benches/held-out.sh).
"""

import collections
import os
import shutil
import tempfile

import fasta
import jobs
import measure
from measure import Step


class Reducer:
    """A row: its programs, its commands, and where its clusters are."""

    tool = ""
    version = ()
    needs = ()
    kinds = ("protein", "nucleotide")
    # `exact` or `cluster`, or both.
    methods = ("cluster",)
    # The file of clusters, and how it is read.
    clusters = ""
    name = ""

    def steps(self, job, identity):
        raise NotImplementedError

    def read(self, path):
        """Representative and member of each record, by id, or None of a FASTA file of representatives alone."""
        with open(path, "rb") as file:
            return [tuple(line.rstrip(b"\n").split(b"\t")[:2]) for line in file]


class Talaria(Reducer):
    tool = "talaria-db"
    methods = ("exact", "cluster")

    def __init__(self, name, source, output, *options):
        self.name, self.source, self.output, self.options = name, source, output, options
        self.clusters = f"{output}.clusters.tsv"
        if options:
            self.methods = ("cluster",)

    def steps(self, job, identity):
        method = ["exact"] if identity is None else ["cluster", "--min-identity", identity]
        return [
            Step(
                job.talaria,
                "reduce",
                self.source,
                "-o",
                self.output,
                "--method",
                *method,
                *self.options,
                "--threads",
                job.threads,
                "--quiet",
                "--no-config",
            )
        ]


class Linclust(Reducer):
    name, tool, version, needs = "mmseqs easy-linclust", "MMseqs2", ("mmseqs", "version"), ("mmseqs",)
    clusters = "mm_cluster.tsv"

    def steps(self, job, identity):
        options = ["--min-seq-id", identity, "-c", "0.8", "--cov-mode", "1", "--threads", job.threads, "-v", "1"]
        return [Step("rm", "-rf", "tmp"), Step("mmseqs", "easy-linclust", "in.fa", "mm", "tmp", *options)]


class Diamond(Reducer):
    tool, version, needs, kinds = "DIAMOND", ("diamond", "version"), ("diamond",), ("protein",)
    clusters = "diamond.tsv"

    def __init__(self, command):
        self.command, self.name = command, f"diamond {command}"

    def steps(self, job, identity):
        options = ["--approx-id", f"{float(identity) * 100:g}", "--member-cover", "80", "-p", job.threads, "--quiet"]
        return [Step("diamond", self.command, "-d", "in.fa", "-o", self.clusters, *options)]


class Vsearch(Reducer):
    tool, version, needs, kinds = "vsearch", ("vsearch", "--version"), ("vsearch",), ("nucleotide",)
    clusters = "vsearch.uc"

    def __init__(self, method):
        self.name = "vsearch --derep_fulllength" if method == "exact" else "vsearch --cluster_fast"
        self.methods = (method,)

    def steps(self, job, identity):
        if identity is None:
            return [
                Step(
                    "vsearch",
                    "--derep_fulllength",
                    "in.fa",
                    "--uc",
                    self.clusters,
                    "--output",
                    "vsearch.fa",
                    "--minseqlength",
                    "1",
                    "--quiet",
                )
            ]
        options = [
            "--id",
            identity,
            "--query_cov",
            "0.8",
            "--strand",
            "both",
            "--threads",
            job.threads,
            "--minseqlength",
            "1",
            "--quiet",
        ]
        return [
            Step("vsearch", "--cluster_fast", "in.fa", "--uc", self.clusters, "--centroids", "vsearch.fa", *options)
        ]

    def read(self, path):
        """Lines S and H; those that begin with C repeat them."""
        with open(path, "rb") as file:
            lines = [line.rstrip(b"\n").split(b"\t") for line in file]
        first = lambda label: (label.split(None, 1) or [b""])[0]  # noqa: E731
        return [
            (first(line[8] if line[0] == b"S" else line[9]), first(line[8]))
            for line in lines
            if line[0] in (b"S", b"H")
        ]


class Rmdup(Reducer):
    name, tool, version, needs, methods = "seqkit rmdup -s", "seqkit", ("seqkit", "version"), ("seqkit",), ("exact",)
    clusters = "rmdup.fa"

    def steps(self, job, identity):
        return [Step("seqkit", "rmdup", "-s", "-j", job.threads, "in.fa", "-o", self.clusters, "--quiet")]

    def read(self, path):
        return None


def all_reducers():
    """A row each, in the order of the table."""
    return [
        Talaria("talaria-db, FASTA to FASTA", "in.fa", "refs.fasta"),
        Talaria("talaria-db, container to container", "balanced.talaria", "out.talaria"),
        Talaria("talaria-db --sensitive, FASTA to FASTA", "in.fa", "sensitive.fasta", "--sensitive"),
        Linclust(),
        Diamond("linclust"),
        Diamond("cluster"),
        Vsearch("exact"),
        Vsearch("cluster"),
        Rmdup(),
    ]


class Job:
    """What a row needs to know."""

    def __init__(self, work, threads, talaria):
        self.work, self.threads, self.talaria = work, threads, talaria


def compare_all(options, talaria, work, say):
    """Versions, skipped rows, and the tasks of each file."""
    rows = [row for row in all_reducers() if measure.wanted(row, options)]
    lacking = {row.name: next((program for program in row.needs if not shutil.which(program)), None) for row in rows}
    skipped = {name: f"{program} is not installed" for name, program in lacking.items() if program}
    rows = [row for row in rows if row.name not in skipped]
    versions = {row.tool: measure.version(row.version) or "unknown" for row in rows if row.version}
    versions["talaria-db"] = measure.version((talaria, "--version"))
    sets = []
    for path in options.files:
        folder = tempfile.mkdtemp(dir=work)
        sets.append(one_file(path, rows, Job(folder, options.threads, talaria), options, say))
        shutil.rmtree(folder)
    return {"versions": versions, "skipped": skipped, "sets": sets}


def one_file(path, rows, job, options, say):
    """All tasks of one file."""
    os.symlink(os.path.abspath(path), os.path.join(job.work, "in.fa"))
    records, sha = fasta.read(os.path.join(job.work, "in.fa"))
    kind, name = jobs.kind_of(path), os.path.basename(path)
    build = [
        Step(
            job.talaria, "build", "in.fa", "-o", "balanced.talaria", "--threads", job.threads, "--quiet", "--no-config"
        )
    ]
    measure.run(build, job.work, options.timeout)
    result = {"name": name, "bytes": os.path.getsize(path), "records": len(records), "kind": kind, "sha256": sha}
    result |= {"residues": sum(record.length for record in records), "tasks": []}
    rows = [row for row in rows if kind in row.kinds]
    for identity in (None, "0.9", "0.5") if kind == "protein" else (None, "0.97"):
        result["tasks"].append(one_task(identity, name, rows, records, job, options, say))
    return result


def one_task(identity, name, rows, records, job, options, say):
    """All rows that bring together what is this similar, or what is identical."""
    method, title = "cluster", f"similar records, identity {identity}, coverage 0.8 of the member"
    if identity is None:
        method, title = "exact", "identical records"
    able = [(row, row.steps(job, identity)) for row in rows if method in row.methods]
    found = {}

    def once(pair):
        row, steps = pair
        taken = measure.run(steps, job.work, options.timeout)
        if not taken["exit"] and row.name not in found:
            found[row.name] = check(row, os.path.join(job.work, row.clusters), records, identity is None)
        return taken

    def progress(turn, pair):
        say(f"{name}: {title}: {pair[0].name}, run {turn + 1} of {options.runs}")

    turns = measure.in_turn(able, options.runs, options.once_over, once, progress)
    task = {"name": title, "rows": []}
    for (row, steps), runs in zip(able, turns):
        entry = {"name": row.name, "tool": row.tool, "commands": [step.shown(job.work) for step in steps], "runs": runs}
        entry["references"], entry["answer"], entry["right"] = found.get(row.name, (None, "", None))
        task["rows"].append(entry)
    return task


def check(row, path, records, exact):
    """The count of representatives, what of the clusters is right in words, and whether all is."""
    pairs = row.read(path)
    if pairs is None:
        kept, _ = fasta.read(path)
        right = sorted(record.digest for record in kept) == sorted({record.digest for record in records})
        return (
            len(kept),
            "one of each distinct sequence" if right else "wrong: not one of each distinct sequence",
            right,
        )
    # MMseqs2 names records by accession.
    form = fasta.accession if row.tool == "MMseqs2" else bytes
    references = {representative for representative, _ in pairs}
    told, there = (
        collections.Counter(member for _, member in pairs),
        collections.Counter(form(record.id) for record in records),
    )
    lost, more = sum((there - told).values()), sum((told - there).values())
    if lost or more:
        return len(references), f"wrong: {lost} records in no cluster, {more} in more than one", False
    own = sum(representative == member for representative, member in pairs)
    if own < len(references):
        return len(references), f"wrong: {len(references) - own} representatives that are not in their cluster", False
    if exact:
        digests = {form(record.id): record.capitals for record in records}
        unlike = sum(digests[representative] != digests[member] for representative, member in pairs)
        if unlike:
            return len(references), f"wrong: {unlike} members that are not identical", False
        return len(references), "each record in one cluster, members identical", True
    return len(references), "each record in one cluster", True

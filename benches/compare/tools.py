"""The tools that are compared, an entry a row of the table: how each builds, gives everything back, and looks up.

A row says what programs it needs and of what it works; `build`, `export`, `batch` and `single` give the commands for a job, or None where the tool does not
do it. Commands run in the work folder, where the input is `in.fa`. What asks for records by another name than their id says so in `names`.
"""

import json
import shutil
import subprocess

from measure import Step


class Row:
    """A row of the table."""

    name = ""
    # What is shown under versions, and how it is asked for.
    tool = ""
    version = ()
    needs = ()
    kinds = ("protein", "nucleotide")
    # How records are asked for: by id, accession or number.
    names = "id"
    # Whether parts of records can be asked for, as `region` writes them.
    regions = False
    # Files that hold the result. `in.fa` is among them where the tool cannot do without it.
    files = ()
    note = ""

    def build(self, job):
        return None

    def export(self, job):
        return None

    def batch(self, job):
        return None

    def single(self, job):
        return None

    def region(self, name, start, end):
        """A part of a record, of bases counted from 1, both ends included."""
        return f"{name}:{start}-{end}"

    def parts(self, job):
        """Bytes of parts of the result, by name."""
        return {}

    def missing(self):
        """The first program that is needed and not there."""
        return next((program for program in self.needs if not shutil.which(program)), None)


class Job:
    """What a row may need to know: the work folder, the kind of residues, threads, programs, and what is asked for."""

    def __init__(self, work, kind, threads, talaria, naf):
        self.work, self.kind, self.threads, self.talaria, self.naf = work, kind, threads, talaria, naf
        # Whether there are so few records that parts of them are asked for; the one that is asked for alone, by its forms.
        self.few, self.one, self.accession, self.number = False, "", "", ""
        self.longest = 0

    def names(self, row):
        """The file of names that this row asks for."""
        return f"{row.names}.{row.tool}.regions" if self.few else f"{row.names}.names"


class Talaria(Row):
    tool = "talaria-db"
    regions = True

    def __init__(self, preset):
        self.name, self.preset, self.files = f"talaria-db {preset}", preset, (f"{preset}.talaria",)

    def build(self, job):
        return [Step(job.talaria, "build", "in.fa", "-o", self.files[0], "--preset", self.preset, "--threads", job.threads, "--quiet", "--no-config")]

    def export(self, job):
        return [Step(job.talaria, "export", self.files[0], "--threads", job.threads, "--no-config")]

    def batch(self, job):
        return [Step(job.talaria, "get", self.files[0], "-f", job.names(self), "--threads", job.threads, "--no-config")]

    def single(self, job):
        return [Step(job.talaria, "get", self.files[0], job.one, "--no-config")]

    def parts(self, job):
        """The blocks of residues, by `inspect`."""
        said = subprocess.run([job.talaria, "inspect", "--json", self.files[0]], cwd=job.work, stdout=subprocess.PIPE, check=True).stdout
        return {"residues": sum(group["stored"] for group in json.loads(said)["blocks"] if group["stream"] == "sequence")}


class TalariaFasta(Row):
    name = "talaria-db get of FASTA, --save-index"
    tool = "talaria-db"
    files = ("in.fa", "in.fa.talaria-index")
    regions = True

    def build(self, job):
        return [Step("rm", "-f", "in.fa.talaria-index"), Step(job.talaria, "get", "in.fa", "--number", "0", "--save-index", "--no-config", stdout="one.out")]

    def batch(self, job):
        return [Step(job.talaria, "get", "in.fa", "-f", job.names(self), "--threads", job.threads, "--no-config")]

    def single(self, job):
        return [Step(job.talaria, "get", "in.fa", job.one, "--no-config")]


class Bgzip(Row):
    name, tool, version, needs = "bgzip + faidx", "bgzip", ("bgzip", "--version"), ("bgzip", "samtools")
    files = ("b.fa.gz", "b.fa.gz.fai", "b.fa.gz.gzi")
    regions = True

    def build(self, job):
        return [Step("bgzip", f"-@{job.threads}", "-c", "in.fa", stdout="b.fa.gz"), Step("samtools", "faidx", "b.fa.gz")]

    def export(self, job):
        return [Step("bgzip", "-dc", f"-@{job.threads}", "b.fa.gz")]

    def batch(self, job):
        return [Step("samtools", "faidx", "b.fa.gz", "-r", job.names(self))]

    def single(self, job):
        return [Step("samtools", "faidx", "b.fa.gz", job.one)]


class Faidx(Row):
    name, tool, version, needs = "samtools faidx, plain FASTA", "samtools", ("samtools", "--version"), ("samtools",)
    files = ("in.fa", "in.fa.fai")
    regions = True

    def build(self, job):
        return [Step("samtools", "faidx", "in.fa")]

    def batch(self, job):
        return [Step("samtools", "faidx", "in.fa", "-r", job.names(self))]

    def single(self, job):
        return [Step("samtools", "faidx", "in.fa", job.one)]


class Blast(Row):
    name, tool, version, needs = "BLAST v5", "BLAST", ("makeblastdb", "-version"), ("makeblastdb", "blastdbcmd")
    files = ("blast.*",)
    names = "accession"
    regions = True

    def build(self, job):
        kind = "prot" if job.kind == "protein" else "nucl"
        return [Step("makeblastdb", "-in", "in.fa", "-dbtype", kind, "-parse_seqids", "-blastdb_version", "5", "-out", "blast", stdout="blast-build.out")]

    def export(self, job):
        return [Step("blastdbcmd", "-db", "blast", "-entry", "all", "-outfmt", "%f")]

    def batch(self, job):
        return [Step("blastdbcmd", "-db", "blast", "-entry_batch", job.names(self))]

    def single(self, job):
        if job.few:
            name, _, part = job.one.rpartition(":")
            return [Step("blastdbcmd", "-db", "blast", "-entry", name, "-range", part)]
        return [Step("blastdbcmd", "-db", "blast", "-entry", job.accession)]

    def region(self, name, start, end):
        return f"{name} {start}-{end}"


class Mmseqs(Row):
    tool, version, needs = "MMseqs2", ("mmseqs", "version"), ("mmseqs",)
    names = "accession"
    note = "writes its answers to files, not to standard output; order of the input kept by --shuffle 0"

    def __init__(self, compressed):
        self.compressed, self.folder = compressed, "mmz" if compressed else "mm"
        self.name = "MMseqs2 compressed" if compressed else "MMseqs2"
        self.files = (f"{self.folder}/*",)

    def build(self, job):
        compress = ["--compressed", "1"] if self.compressed else []
        return [Step("rm", "-rf", self.folder), Step("mkdir", self.folder), Step("mmseqs", "createdb", "in.fa", f"{self.folder}/db", "--shuffle", "0", *compress, "-v", "1")]

    def export(self, job):
        return [Step("mmseqs", "convert2fasta", f"{self.folder}/db", f"{self.folder}.answer", "-v", "1")]

    def batch(self, job, names=None):
        return [
            Step("rm", "-rf", "mm-part"),
            Step("mkdir", "mm-part"),
            Step("mmseqs", "createsubdb", "--id-mode", "1", "--subdb-mode", "1", names or job.names(self), f"{self.folder}/db", "mm-part/db", "-v", "1"),
            Step("mmseqs", "convert2fasta", "mm-part/db", f"{self.folder}.answer", "-v", "1"),
        ]

    def single(self, job):
        return self.batch(job, "accession.one")


class Diamond(Row):
    name, tool, version, needs, kinds = "DIAMOND", "DIAMOND", ("diamond", "version"), ("diamond", "xargs"), ("protein",)
    files = ("d.dmnd",)
    names = "number"
    note = "looks up by number only"

    def build(self, job):
        return [Step("diamond", "makedb", "--in", "in.fa", "-d", "d", "--threads", job.threads, "--quiet")]

    def export(self, job):
        return [Step("diamond", "getseq", "-d", "d")]

    def batch(self, job):
        return [Step("xargs", "-a", job.names(self), "diamond", "getseq", "-d", "d", "--seq")]

    def single(self, job):
        return [Step("diamond", "getseq", "-d", "d", "--seq", job.number)]


class Naf(Row):
    tool = "NAF"

    def __init__(self, level):
        self.level, self.name, self.files = level, f"NAF, level {level}", (f"{level}.naf",)
        self.original = shutil.which("ennaf") and shutil.which("unnaf")
        self.version = ("ennaf", "--version") if self.original else ()
        self.note = "" if self.original else "streams as ennaf lays them out, written by compare-naf, read by nafcodec 0.3.1"

    def build(self, job):
        if self.original:
            kind = ["--protein"] if job.kind == "protein" else []
            return [Step("ennaf", *kind, f"-{self.level}", "--temp-dir", ".", "in.fa", "-o", self.files[0])]
        return job.naf and [Step(job.naf, "pack", self.level, "protein" if job.kind == "protein" else "dna", "in.fa", self.files[0])]

    def export(self, job):
        if self.original:
            return [Step("unnaf", self.files[0])]
        return job.naf and [Step(job.naf, "unpack", self.files[0])]

    def parts(self, job):
        """The stream of residues is the last one."""
        with open(f"{job.work}/{self.files[0]}", "rb") as file:
            data = file.read()
        at = 3 + (3 if data[3] == 1 else 4)
        flags = data[at - 2]

        def number():
            nonlocal at
            value = 0
            while True:
                value, at = value << 7 | data[at] & 0x7F, at + 1
                if not data[at - 1] & 0x80:
                    return value

        number(), number()
        size = 0
        if flags & 0x40:
            at += number()
        for flag in (0x20, 0x10, 0x08, 0x04, 0x02):
            if flags & flag:
                number()
                size = number()
                at += size
        return {"residues": size}


class Sfasta(Row):
    name, tool, version, needs = "sfasta", "sfasta", ("sfa", "--version"), ("sfa", "xargs")
    files = ("in.sfasta",)

    def build(self, job):
        return [Step("sfa", "convert", "--threads", job.threads, "in.fa")]

    def export(self, job):
        return [Step("sfa", "view", "in.sfasta")]

    def batch(self, job):
        return [Step("xargs", "-d", "\\n", "-a", job.names(self), "sfa", "faidx", "in.sfasta")]

    def single(self, job):
        return [Step("sfa", "faidx", "in.sfasta", job.one)]


class Pyfastx(Row):
    name, tool, version, needs = "pyfastx", "pyfastx", ("pyfastx", "--version"), ("pyfastx",)
    files = ("p.fa", "p.fa.fxi")

    def build(self, job):
        return [Step("rm", "-f", "p.fa.fxi"), Step("ln", "-sf", "in.fa", "p.fa"), Step("pyfastx", "index", "p.fa")]

    def batch(self, job):
        return [Step("pyfastx", "extract", "-l", job.names(self), "p.fa")]

    def single(self, job):
        return [Step("pyfastx", "extract", "p.fa", job.one)]


class Seqkit(Row):
    name, tool, version, needs = "seqkit", "seqkit", ("seqkit", "version"), ("seqkit",)
    files = ("k.fa", "k.fa.seqkit.fai")
    note = "many by seqkit grep, which reads all of the FASTA, in the order of the file; one by seqkit faidx"

    def build(self, job):
        return [Step("rm", "-f", "k.fa.seqkit.fai"), Step("ln", "-sf", "in.fa", "k.fa"), Step("seqkit", "faidx", "-f", "k.fa", "-j", job.threads, "--quiet")]

    def export(self, job):
        return [Step("seqkit", "seq", "-j", job.threads, "in.fa")]

    def batch(self, job):
        return [Step("seqkit", "grep", "-j", job.threads, "-f", job.names(self), "in.fa", "--quiet")]

    def single(self, job):
        return [Step("seqkit", "faidx", "-f", "k.fa", job.one, "--quiet")]


class Binseq(Row):
    tool, version, needs, kinds = "BINSEQ", ("bqtools", "--version"), ("bqtools",), ("nucleotide",)

    def __init__(self, form):
        self.form, self.name, self.files = form, f"BINSEQ .{form}", (f"in.{form}",)

    def build(self, job):
        # A record must fit a block.
        block = ["-B", max(1 << 17, 1 << job.longest.bit_length())] if job.longest > 1 << 17 else []
        return [Step("bqtools", "encode", "in.fa", "-o", self.files[0], "-T", job.threads, *block)]

    def export(self, job):
        return [Step("bqtools", "decode", self.files[0], "-f", "a", "-T", job.threads)]


class Zstd(Row):
    tool, version, needs = "zstd", ("zstd", "--version"), ("zstd",)

    def __init__(self, name, *options):
        self.name, self.options, self.files = name, options, (f"{options[0][1:]}.zst",)

    def build(self, job):
        return [Step("zstd", "-q", "-f", *self.options, f"-T{job.threads}", "in.fa", "-o", self.files[0])]

    def export(self, job):
        return [Step("zstd", "-dc", "-q", "--long=31", self.files[0])]


class Cat(Row):
    name, tool, version = "cat (the limit)", "cat", ("cat", "--version")
    needs = ("cat",)
    files = ("in.fa",)
    regions = True
    note = "a copy of the FASTA as the build; lookups print a file that holds just the answer"

    def build(self, job):
        return [Step("cat", "in.fa", stdout="copy.fa")]

    def export(self, job):
        return [Step("cat", "in.fa")]

    def batch(self, job):
        return [Step("cat", "batch.right")]

    def single(self, job):
        return [Step("cat", "single.right")]


PRESETS = ("fast", "balanced", "small")


def all_rows():
    """A row each, in the order of the table."""
    return [
        *(Talaria(preset) for preset in PRESETS),
        TalariaFasta(),
        Bgzip(),
        Faidx(),
        Blast(),
        Mmseqs(False),
        Mmseqs(True),
        Diamond(),
        Naf(1),
        Naf(22),
        Sfasta(),
        Pyfastx(),
        Seqkit(),
        Binseq("vbq"),
        Binseq("cbq"),
        Zstd("zstd -3", "-3"),
        Zstd("zstd -19 --long", "-19", "--long=27"),
        Cat(),
    ]

"""Tools that look records up: in an index beside FASTA, or in a database of their own."""

from measure import Step
from row import Row


class Bgzip(Row):
    name, tool, version, needs = "bgzip + faidx", "bgzip", ("bgzip", "--version"), ("bgzip", "samtools")
    files = ("b.fa.gz", "b.fa.gz.fai", "b.fa.gz.gzi")
    regions = True

    def build(self, job):
        return [
            Step("bgzip", f"-@{job.threads}", "-c", "in.fa", stdout="b.fa.gz"),
            Step("samtools", "faidx", "b.fa.gz"),
        ]

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
        return [
            Step(
                "makeblastdb",
                "-in",
                "in.fa",
                "-dbtype",
                kind,
                "-parse_seqids",
                "-blastdb_version",
                "5",
                "-out",
                "blast",
                stdout="blast-build.out",
            )
        ]

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
        return [
            Step("rm", "-rf", self.folder),
            Step("mkdir", self.folder),
            Step("mmseqs", "createdb", "in.fa", f"{self.folder}/db", "--shuffle", "0", *compress, "-v", "1"),
        ]

    def export(self, job):
        return [Step("mmseqs", "convert2fasta", f"{self.folder}/db", f"{self.folder}.answer", "-v", "1")]

    def batch(self, job, names=None):
        return [
            Step("rm", "-rf", "mm-part"),
            Step("mkdir", "mm-part"),
            Step(
                "mmseqs",
                "createsubdb",
                "--id-mode",
                "1",
                "--subdb-mode",
                "1",
                names or job.names(self),
                f"{self.folder}/db",
                "mm-part/db",
                "-v",
                "1",
            ),
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
        return [
            Step("rm", "-f", "k.fa.seqkit.fai"),
            Step("ln", "-sf", "in.fa", "k.fa"),
            Step("seqkit", "faidx", "-f", "k.fa", "-j", job.threads, "--quiet"),
        ]

    def export(self, job):
        return [Step("seqkit", "seq", "-j", job.threads, "in.fa")]

    def batch(self, job):
        return [Step("seqkit", "grep", "-j", job.threads, "-f", job.names(self), "in.fa", "--quiet")]

    def single(self, job):
        return [Step("seqkit", "faidx", "-f", "k.fa", job.one, "--quiet")]

"""Tools that keep everything small and give it back as a whole, and the limit, which is `cat`."""

import shutil

from measure import Step
from row import Row


class Naf(Row):
    tool = "NAF"

    def __init__(self, level):
        self.level, self.name, self.files = level, f"NAF, level {level}", (f"{level}.naf",)
        self.original = shutil.which("ennaf") and shutil.which("unnaf")
        self.version = ("ennaf", "--version") if self.original else ()
        self.note = (
            "" if self.original else "streams as ennaf lays them out, written by compare-naf, read by nafcodec 0.3.1"
        )

    def build(self, job):
        if self.original:
            kind = ["--protein"] if job.kind == "protein" else []
            return [Step("ennaf", *kind, f"-{self.level}", "--temp-dir", ".", "in.fa", "-o", self.files[0])]
        return job.naf and [
            Step(job.naf, "pack", self.level, "protein" if job.kind == "protein" else "dna", "in.fa", self.files[0])
        ]

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

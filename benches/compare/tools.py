"""The rows of the table: talaria-db, and then the others.

A row says what programs it needs and of what it works; `build`, `export`, `batch` and
`single` give the commands for a job, or None where the tool does not do it. Commands run in
the work folder, where the input is `in.fa`. What asks for records by another name than their
id says so in `names`.
"""

import json
import subprocess

from archives import Binseq, Cat, Naf, Sfasta, Zstd
from databases import Blast, Bgzip, Diamond, Faidx, Mmseqs, Pyfastx, Seqkit
from measure import Step
from row import Row


class Talaria(Row):
    tool = "talaria-db"
    regions = True

    def __init__(self, preset):
        self.name, self.preset, self.files = f"talaria-db {preset}", preset, (f"{preset}.talaria",)

    def build(self, job):
        return [
            Step(
                job.talaria,
                "build",
                "in.fa",
                "-o",
                self.files[0],
                "--preset",
                self.preset,
                "--threads",
                job.threads,
                "--quiet",
                "--no-config",
            )
        ]

    def export(self, job):
        return [Step(job.talaria, "export", self.files[0], "--threads", job.threads, "--no-config")]

    def batch(self, job):
        return [Step(job.talaria, "get", self.files[0], "-f", job.names(self), "--threads", job.threads, "--no-config")]

    def single(self, job):
        return [Step(job.talaria, "get", self.files[0], job.one, "--no-config")]

    def parts(self, job):
        """The blocks of residues, by `inspect`."""
        said = subprocess.run(
            [job.talaria, "inspect", "--json", self.files[0]], cwd=job.work, stdout=subprocess.PIPE, check=True
        ).stdout
        return {
            "residues": sum(group["stored"] for group in json.loads(said)["blocks"] if group["stream"] == "sequence")
        }


class TalariaFasta(Row):
    name = "talaria-db get of FASTA, --save-index"
    tool = "talaria-db"
    files = ("in.fa", "in.fa.talaria-index")
    regions = True

    def build(self, job):
        return [
            Step("rm", "-f", "in.fa.talaria-index"),
            Step(job.talaria, "get", "in.fa", "--number", "0", "--save-index", "--no-config", stdout="one.out"),
        ]

    def batch(self, job):
        return [Step(job.talaria, "get", "in.fa", "-f", job.names(self), "--threads", job.threads, "--no-config")]

    def single(self, job):
        return [Step(job.talaria, "get", "in.fa", job.one, "--no-config")]


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

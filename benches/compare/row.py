"""What a row of the table is, and what it is told."""

import shutil


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

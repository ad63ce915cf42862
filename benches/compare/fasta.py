"""FASTA read on its own, to know what the right answers are, and answers compared with them."""

import collections
import hashlib
import random

BLANKS = b" \t\r\n"


class Record:
    """A header without its `>`, and digests of the residues as they are and in capitals."""

    __slots__ = ("header", "digest", "capitals", "length")

    def __init__(self, header, residues):
        self.header = header
        self.digest = hashlib.blake2b(residues, digest_size=16).digest()
        capitals = residues.upper()
        self.capitals = self.digest if capitals == residues else hashlib.blake2b(capitals, digest_size=16).digest()
        self.length = len(residues)

    @property
    def id(self):
        """The first word of the header."""
        return (self.header.split(None, 1) or [b""])[0]


def pieces(data):
    """Headers and residues of FASTA in memory."""
    data = b"\n" + data
    start = data.find(b"\n>")
    while start >= 0:
        end = data.find(b"\n>", start + 2)
        header, _, residues = data[start + 2 : end if end >= 0 else len(data)].partition(b"\n")
        yield header.rstrip(b"\r"), residues.translate(None, BLANKS)
        start = end


def read(path):
    """The records of a file, and SHA-256 of its bytes."""
    with open(path, "rb") as file:
        data = file.read()
    return [Record(header, residues) for header, residues in pieces(data)], hashlib.sha256(data).hexdigest()


def accession(name):
    """`P69905` of `sp|P69905|HBA_HUMAN`; the name itself where it has no such parts."""
    parts = name.split(b"|")
    return parts[1] if len(parts) == 3 and parts[1] else name


def choose(records, count, seed=1):
    """Numbers of `count` records, at random and always the same, whose id and accession no other record has."""
    names = collections.Counter(record.id for record in records)
    accessions = collections.Counter(accession(record.id) for record in records)
    single = [
        number
        for number, record in enumerate(records)
        if record.id and names[record.id] == 1 and accessions[accession(record.id)] == 1
    ]
    return random.Random(seed).sample(single, min(count, len(single)))


def exported(expected, sha, got, got_sha):
    """What of a file came back: a text for the table, and whether it is right."""
    if sha == got_sha:
        return "every byte", True
    forms = (
        ("headers and residues", lambda record: (record.header.rstrip(), record.digest)),
        ("ids and residues", lambda record: (record.id, record.digest)),
        ("residues", lambda record: record.digest),
        ("residues, not their case", lambda record: record.capitals),
    )
    for name, form in forms:
        right, answer = [form(record) for record in expected], [form(record) for record in got]
        if right == answer:
            return name, True
        if len(right) == len(answer) and sorted(right) == sorted(answer):
            return f"{name}, in another order", True
    return wrong(expected, got), False


def looked_up(expected, got):
    """Whether the records asked for came, each with its residues: a text for the table, and whether it is right."""
    for name, form in (("", lambda record: record.digest), (", not their case", lambda record: record.capitals)):
        right, answer = [form(record) for record in expected], [form(record) for record in got]
        if right == answer:
            return f"all, in the order asked for{name}", True
        if len(right) == len(answer) and sorted(right) == sorted(answer):
            return f"all, in another order{name}", True
    return wrong(expected, got), False


def wrong(expected, got):
    """How many of the records that should have come did not, and how many came that should not have."""
    right, answer = (
        collections.Counter(record.capitals for record in expected),
        collections.Counter(record.capitals for record in got),
    )
    missing, other = sum((right - answer).values()), sum((answer - right).values())
    return f"wrong: {missing} of {len(expected)} missing, {other} that are none of them"

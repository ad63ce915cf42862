"""The names of a record for `second_reader.py`: section 8 of spec/FORMAT.md."""

# How far behind a tag its accession is, and whether an entry name may follow.
TAGS = dict.fromkeys(b"gi lcl bbs bbm gim".split(), (1, False))
TAGS.update(dict.fromkeys(b"sp tr gb emb dbj ref pir prf tpg tpe tpd pdb".split(), (1, True)))
TAGS.update(dict.fromkeys(b"gnl pat pgp".split(), (2, False)))


def names(header):
    """Every name of a header text with its rank."""
    found = {}

    def add(name, rank):
        if name:
            found[name] = min(rank, found.get(name, rank))

    def versionless(accession):
        before, _, digits = accession.rpartition(b".")
        if digits.isdigit():
            add(before, 2)

    for number, title in enumerate(header.split(b"\x01")):
        title = title.replace(b"\t", b" ")
        name = (title.lstrip(b" ") if number else title).split(b" ", 1)[0]
        add(name, 0)
        if b"|" not in name:
            versionless(name)
            continue
        fields, at = name.split(b"|"), 0
        while at < len(fields):
            step, entry = TAGS.get(fields[at], (0, False))
            at += step or 1
            if not step or at >= len(fields) or not fields[at]:
                continue
            add(fields[at], 1)
            versionless(fields[at])
            at += 1
            if entry and at < len(fields):
                add(fields[at], 3)
                at += 1
    return found

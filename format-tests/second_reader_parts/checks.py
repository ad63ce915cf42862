"""What only a look at all of a container tells, for `second_reader.py`: rules of sections 6 to 13 of spec/FORMAT.md."""
import struct
from functools import lru_cache

from .codecs import Cursor, need
from .names import names
from .xxh3 import xxh3_64

SHARED, DELTA = 1, 4


def check(container):
    """Refuses what breaks a rule; the rules of opening hold already."""
    for stream in (container.text, container.layout, container.deltas, container.sequence):
        for b in range(len(stream.entries)):
            stream.block(b)
    check_columns(container)
    check_items(container)
    check_keys(container)
    need(sum(entry[3] for entry in container.sequence.entries) == container.stored, "B-7")
    for _ in container.export():
        pass
    if 40 in container.table or 41 in container.table:
        check_shares(container)
    container.members()


def check_columns(container):
    need(sum(container.lengths) == container.residue_count, "C-5")
    seen = set()
    for i, (_, _, id_length, flags, _) in enumerate(container.records):
        first = len(container.header(i).replace(b"\t", b" ").split(b" ", 1)[0])
        need(id_length == min(first, 65535), "C-2", f"record {i}")
        place = (flags & DELTA, container.offsets[i], container.lengths[i])
        need(place in seen or not flags & SHARED, "C-3", f"record {i}")
        seen.add(place)
    if 4 in container.table:
        order = container.integers(4)
        need(sorted(order) == list(range(container.count)), "C-6")
        places = [(container.offsets[i], i) for i in order]
        need(places == sorted(places), "C-6")


def check_items(container):
    """Every delta can be told, and every item of the delta stream is a record's."""
    starts, items = set(), 0
    for i, record in enumerate(container.records):
        container.residues(i)
        if record[3] & (DELTA | SHARED) == DELTA:
            need(container.offsets[i] not in starts, "X-4", "one item for two records")
            starts.add(container.offsets[i])
    for b, entry in enumerate(container.deltas.entries):
        c = Cursor(container.deltas.block(b), "X-4")
        need(entry[1] == items, "B-6", f"items before delta block {b}")
        while c.at < len(c.data):
            need(b << 24 | c.at in starts, "X-4", f"an item of block {b} is no record's")
            c.take(c.varint())
            items += 1
    need(items == len(starts), "X-4", "a record without an item of its own")


def check_keys(container):
    buckets, expected = len(container.buckets) - 1, []
    for i in range(container.count):
        for hashed in map(xxh3_64, names(container.header(i))):
            expected.append((hashed * buckets >> 64, (hashed & container.fingerprint) << 40 | i))
    found, at = [], container.buckets
    for k in range(buckets):
        entries = container.entries[at[k] : at[k + 1]]
        need(all(a < b for a, b in zip(entries, entries[1:])), "K-2", f"bucket {k}")
        need(all(entry & (1 << 40) - 1 < container.count for entry in entries), "K-2", f"bucket {k}")
        found += [(k, entry) for entry in entries]
    need(found == sorted(set(expected)), "K-3")


@lru_cache(None)
def logarithm(k):
    """The binary logarithm in units of 2^-32, as section 12 computes it."""
    l = k.bit_length() - 1
    x = k << (63 - l)
    for _ in range(32):
        x, l = x * x >> 63, 2 * l
        if x >= 1 << 64:
            x, l = x >> 1, l + 1
    return l


def check_shares(container):
    """GC content and complexity, bit for bit (section 12)."""
    for kind, rule, share in ((40, "O-2", gc_content), (41, "O-3", complexity)):
        section = bytes(container.section(kind))
        for i, (value,) in enumerate(struct.iter_unpack("<f", section)):
            need(0 <= value <= 1, "O-1", f"record {i}")
            a, b = share(container.residues(i).upper(), container.alphabet)
            expected = struct.pack("<f", float(a) / float(b) if b else 0.0)
            need(expected == section[4 * i : 4 * i + 4], rule, f"record {i}")


def gc_content(residues, _):
    counts = {letter: residues.count(letter) for letter in b"ACGTUSW"}
    return sum(counts[letter] for letter in b"GCS"), sum(counts.values())


def complexity(residues, alphabet):
    n, m = len(residues), logarithm(4 if alphabet in (2, 3) else 20)
    counts = [residues.count(letter) for letter in set(residues)]
    entropy = sum(c * (logarithm(n) - logarithm(c)) for c in counts)
    return min(entropy, n * m), n * m

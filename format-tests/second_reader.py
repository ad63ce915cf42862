#!/usr/bin/env python3
"""A second reader of talaria containers, written from the text of spec/FORMAT.md and from nothing else.

    second_reader.py export FILE        the very bytes of the sources
    second_reader.py get FILE NAME      the records of a name, the residues of each in one line
    second_reader.py members FILE       ordinal, ordinal of its representative or -, identity, coverage
    second_reader.py check FILE ...     `FILE: sound`, or the first broken rule; exit code 1 if there is one
    second_reader.py answers FILE ...   all of that and more as lines, for a test

Python 3.9 or later, standard library only; Zstandard by Python 3.14 or else by the program `zstd`. It is plain rather
than fast: it holds all columns and checks all sections before it answers. A broken rule is `Refused` with the rule's
identifier; what cannot be done on this machine is `Unable`, exit code 2.
"""
import hashlib
import mmap
import struct
import sys
import zlib

sys.dont_write_bytecode = True
from second_reader_parts.checks import check
from second_reader_parts.codecs import Cursor, Refused, Unable, need
from second_reader_parts.deltas import told
from second_reader_parts.columns import lanes_of, unpack_column
from second_reader_parts.members import compact, listed
from second_reader_parts.names import names
from second_reader_parts.streams import Stream
from second_reader_parts.xxh3 import xxh3_64

SHARED, IRREGULAR, DELTA = 1, 2, 4
HEADER = struct.Struct("<8sHHIQQQQQQQIIIIIBBH24xII")
# kind: item sizes, checksum kind
KINDS = {1: ((16,), 2), 2: ((4, 8), 2), 3: ((8,), 2), 4: ((4, 8), 2), 16: ((16,), 2), 20: ((4, 8), 2), 21: ((8,), 2)}
KINDS.update({24: ((128,), 1), 25: ((1,), 1), 26: ((1,), 1), 28: ((32,), 1), 29: ((1,), 1), 32: ((4,), 1)})
KINDS.update({40: ((4,), 2), 41: ((4,), 2), 42: ((24,), 2), 43: ((8,), 2), 44: ((16,), 2), 45: ((4,), 2)})
KINDS.update({48: ((8, 12, 16), 2), 49: ((4, 8), 2), 50: ((64,), 2), 51: ((8,), 2), 52: ((4, 8), 2)})
KINDS.update({53: ((2,), 2), 54: ((2,), 2), 55: ((16,), 2)})
KINDS.update({kind: ((32,), 2) for kind in (8, 10, 12, 14)})
KINDS.update({kind: ((1,), 3) for kind in (9, 11, 13, 15)})
ALWAYS = (1, 2, 3, 8, 9, 10, 11, 20, 21, 24, 25, 26, 32)


class Container:
    """A file whose header page, table, trailer and sections (sections 2 to 5) are as they must be."""

    def __init__(self, path):
        with open(path, "rb") as file:
            size = file.seek(0, 2)
            need(size >= 4160, "F-1")
            data = self.data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        (magic, read, write, page, required, _, self.count, self.residue_count, self.stored, length, table, n,
         table_sum, sources, block, text_block, self.alphabet, self.order, zero, zero2, checksum) = HEADER.unpack(data[:128])
        need(magic == b"\x89TAL\r\n\x1a\n", "H-1")
        need(zlib.crc32(data[:124]) == checksum, "H-2")
        need(read == 1, "H-3", f"version {read}")
        need(write >= read, "H-4")
        need(page == 4096, "H-5")
        need(required & ~7 == 0, "H-6", f"required features {required:#x}")
        self.required, self.fingerprint = required, 0xFF if required & 2 else 0xFFFFFF
        need(zero == zero2 == 0, "H-7")
        need(length == size, "H-8", f"{length} for {size}")
        end = size - 64
        need(n <= 1024 and table >= 128 and table % 64 == 0 and table + 64 * n <= end, "H-9")
        need(zlib.crc32(data[table : table + 64 * n]) == table_sum, "H-10")
        need(self.count <= 1 << 40, "H-11")
        need(all(s & (s - 1) == 0 and 1 << 10 <= s <= 1 << 23 for s in (block, text_block)), "H-12")
        need(self.alphabet <= 3 and self.order in (1, 2), "H-13")
        *copies, zero, trailer_sum, zero2, magic = struct.unpack("<QQIIII16xII8s", data[end:])
        need(magic == b"\x89talend\n", "T-1")
        need(trailer_sum == zlib.crc32(data[end : end + 48]) and zero == zero2 == 0, "T-2")
        need(copies == [length, table, n, table_sum, checksum], "T-3")
        self.table, self.plain = {}, {}
        entries = list(struct.iter_unpack("<IIQQIIQIIQQ", data[table : table + 64 * n]))
        self.check_table(entries, [(0, 128), (table, table + 64 * n), (end, size)], required & 1, sources)
        for entry in entries:
            self.check_sums(*entry)
        words = self.section(29)
        self.dictionaries, at = [], 0
        for start, length, codec, zero in struct.iter_unpack("<QIB3s16x", self.section(28)):
            need(start == at and length <= 1 << 20 and start + length <= len(words) and codec == 2, "D-1")
            need(zero == bytes(3) and len(self.dictionaries) < 65535, "D-1")
            self.dictionaries.append(bytes(words[start : start + length]))
            at += length
        detail = self.table[14][1] >> 8 & 255 if 14 in self.table else 10
        need(10 <= detail <= 23, "X-6")
        index = list(struct.iter_unpack("<QQ", self.section(16)))
        self.sequence, self.text = Stream(self, 8, block, self.count), Stream(self, 10, text_block, self.count)
        self.layout, self.deltas = Stream(self, 12, text_block, len(index)), Stream(self, 14, 1 << detail, self.count)
        self.records = list(struct.iter_unpack("<QIHBB", self.section(1)))
        self.lengths, self.offsets = self.integers(2), self.integers(3)
        self.buckets, self.entries = self.integers(20), self.integers(21)
        need(self.buckets[:1] == (0,) and len(self.buckets) > 1 and self.buckets[-1] == len(self.entries), "K-1")
        need(all(a <= b for a, b in zip(self.buckets, self.buckets[1:])), "K-1")
        need(self.table[20][1] >> 8 & 255 == 1, "K-4")
        need(all(flags < 8 and kind <= 3 for *_, flags, kind in self.records), "C-1")
        need(required & 1 or not any(record[3] & DELTA for record in self.records), "H-6", "a delta")
        need(all(a < b for (a, _), (b, _) in zip(index, index[1:])) and (not index or index[-1][0] < self.count), "L-1")
        self.scripts = dict(index)
        need(self.scripts.keys() == {i for i, record in enumerate(self.records) if record[3] & IRREGULAR}, "C-4")
        self.read_sources()

    def check_table(self, entries, taken, deltas, sources):
        for before, entry in zip([(0,)] + entries, entries):
            kind, flags, start, length, item, sums, items, _, zero, first, zero2 = entry
            need(before[0] < kind, "S-1")
            has_detail = kind in (14, 20) or kind not in KINDS
            need(flags & 0xFFFF00FE == 0 and zero == zero2 == 0 and (flags < 2 or has_detail), "S-2")
            need(start >= 4096 and start % 64 == 0 and start + length <= len(self.data) - 64, "S-3")
            if self.lanes(kind, item):
                need(length >= -(-items // 128) * 8, "W-1", f"kind {kind}")
            else:
                need(length == item * items, "S-5")
            need(kind in KINDS or flags & 1 == 0, "S-10", f"kind {kind}")
            sizes, sum_kind = KINDS.get(kind, ((item,), sums))
            need(item in sizes and sums == sum_kind and sums in (1, 2, 3), "S-6", f"kind {kind}")
            taken.append((start, start + length))
            self.table[kind] = entry
        at = 0
        for start, end in sorted(taken):
            need(start >= at, "S-4", f"at {start}")
            need(not any(self.data[at:start]), "F-2", f"bytes between {at} and {start}")
            at = end
        has = self.table.__contains__
        needed = list(ALWAYS) + [4] * (self.order == 2) + [14, 15] * deltas + [12, 13] * has(16)
        need(all(map(has, needed)) and has(28) == has(29), "S-7")
        if self.required & 4:
            need(all(map(has, (49, 50, 52, 53, 54, 55))) and not has(48), "M-6")
        else:
            need(not any(map(has, range(50, 56))), "M-6")
        counts = {kind: self.count for kind in (1, 2, 3, 4, 40, 41, 42, 45, 48)}
        counts[24] = sources
        need(all(self.table[kind][6] == n for kind, n in counts.items() if has(kind)), "S-7", "items")
        pages = 0
        for kind, _, _, length, _, sums, _, _, _, first, _ in entries:
            count = -(-length // 4096)
            need(first + count <= self.table[32][6] if sums == 2 else first == 0, "S-8", f"kind {kind}")
            pages += count if sums == 2 else 0
        need(pages == self.table[32][6], "S-8", "a page checksum without a page")

    def check_sums(self, kind, _, start, length, item, sums, items, checksum, zero, first, zero2):
        data = self.data[start : start + length]
        if sums == 2:
            pages = self.section(32)[4 * first : 4 * (first - (-length // 4096))]
            found = b"".join(zlib.crc32(data[at : at + 4096]).to_bytes(4, "little") for at in range(0, length, 4096))
            need(bytes(pages) == found, "S-9", f"a page of kind {kind}")
            data = pages
        expected = zlib.crc32(data) if sums != 3 else 0 if kind in KINDS else checksum
        need(expected == checksum, "S-9", f"kind {kind}")

    def lanes(self, kind, item):
        return lanes_of(kind, item, self.required)

    def section(self, kind):
        """The bytes of a section, those of its items if it is packed (section 14)."""
        _, _, start, length, item, _, items = self.table[kind][:7] if kind in self.table else (0,) * 7
        data, lanes = self.data[start : start + length], self.lanes(kind, item)
        if lanes and kind not in self.plain:
            self.plain[kind] = unpack_column(data, lanes, items)
        return self.plain[kind] if lanes else data

    def integers(self, kind):
        data = self.section(kind)
        size = self.table[kind][4]
        return struct.unpack(f"<{len(data) // size}{'I' if size == 4 else 'Q'}", data)

    def shares(self, kind):
        return struct.unpack(f"<{self.table[kind][6]}H", self.section(kind))

    def read_sources(self):
        strings, at, record, self.sources = bytes(self.section(25)), 0, 0, []
        for source in struct.iter_unpack("<QIIQQQQQBBB5s32s32x", self.section(24)):
            name, name_length, preamble_length, preamble, length, first, n, width, end, kind, how, zero, digest = source
            need(name == at and preamble == at + name_length, "P-1")
            at = preamble + preamble_length
            need(at <= len(strings), "P-1")
            need(first == record, "P-2")
            record += n
            need(1 <= end <= 3 and kind == 1 and how <= 4 and zero == bytes(5), "P-3")
            line_end = (b"\n", b"\r\n", b"\r")[end - 1]
            self.sources.append((strings[preamble:at], length, range(first, record), width, line_end, digest))
        need(record == self.count, "P-2")

    def header(self, i):
        address, length, *_ = self.records[i]
        return self.text.item(address, length)

    def residues(self, i, depth=None):
        if not self.records[i][3] & DELTA:
            need(not depth, "X-1", f"{i} is no delta")
            return self.sequence.item(self.offsets[i], self.lengths[i])
        return told(self, i, depth)

    def lines(self, i, line_end, width, most):
        """A record as it stood in its source (section 10)."""
        residues, out = self.residues(i), [b">", self.header(i)]
        if i not in self.scripts:
            width = width or max(len(residues), 1)
            lines = [residues[at : at + width] for at in range(0, len(residues), width)]
            return line_end.join([b"".join(out)] + lines + [b""])
        c, at = Cursor(self.layout.prefixed(self.scripts[i], "L-2"), "L-2"), 0
        out.append(c.take(c.varint()))
        extra = len(out[-1])
        while c.at < len(c.data):
            operation = c.varint()
            n, kind = operation >> 2, operation & 3
            width = c.varint() if kind == 0 else 1
            need(kind < 3 and (kind == 2 or at + n * width <= len(residues)), "L-2", f"script of {i}")
            extra += (2 * n, 0, n)[kind]
            need(extra <= most, "L-3", f"script of {i}")
            if kind == 2:
                out.append(c.take(n))
            elif kind == 1:
                out.append(residues[at : at + n])
            else:
                out += [residues[at + width * k : at + width * (k + 1)] + line_end for k in range(n)]
            at += n * width * (kind < 2)
        need(at == len(residues), "L-2", f"script of {i}")
        return b"".join(out)

    def export(self):
        for number, (preamble, length, records, width, line_end, digest) in enumerate(self.sources):
            sha, size = hashlib.sha256(preamble), len(preamble)
            yield preamble
            for i in records:
                lines = self.lines(i, line_end, width, 2 * length)
                sha.update(lines)
                size += len(lines)
                yield lines
            need(size == length and sha.digest() == digest, "P-4", f"source {number}")

    def find(self, name):
        """The ordinals of the records that bear a name (section 8)."""
        hashed = xxh3_64(name)
        bucket, fingerprint = hashed * (len(self.buckets) - 1) >> 64, hashed & self.fingerprint
        ranks = {}
        for entry in self.entries[self.buckets[bucket] : self.buckets[bucket + 1]]:
            i = entry & (1 << 40) - 1
            need(i < self.count, "K-2")
            rank = names(self.header(i)).get(name) if entry >> 40 == fingerprint else None
            if rank is not None:
                ranks.setdefault(rank, []).append(i)
        return sorted(ranks[min(ranks)]) if ranks else []

    def members(self):
        """For each record its representative (or none), identity and coverage in ten-thousandths (section 13)."""
        if 49 not in self.table:
            first, flags = {}, [record[3] for record in self.records]
            places = list(zip(self.offsets, self.lengths, (flag & DELTA for flag in flags)))
            for i, place in enumerate(places):
                if not flags[i] & SHARED:
                    first.setdefault(place, i)
            owners = [first.get(place) if flags[i] & SHARED else i for i, place in enumerate(places)]
            need(None not in owners, "C-3")
            return [(owner, 10000, 10000) for owner in owners]
        return (compact if self.required & 4 else listed)(self)


def answers(container):
    """What a test compares: lines of a word, then what it says, between tabs."""
    sha = hashlib.sha256()
    for piece in container.export():
        sha.update(piece)
    yield "export", sha.hexdigest()
    all_names = set()
    for i in range(container.count):
        all_names |= names(container.header(i)).keys()
        record = container.header(i) + b"\n" + container.residues(i)
        yield "record", i, hashlib.sha256(record).hexdigest()
    for name in sorted(all_names):
        yield "name", name.hex(), ",".join(map(str, container.find(name)))
    for i, (representative, identity, coverage) in enumerate(container.members()):
        yield "member", i, "-" if representative is None else representative, identity, coverage


def main(command, *arguments):
    out, status = sys.stdout.buffer, 0
    paths = arguments if command in ("check", "answers") else arguments[:1]
    for path in paths:
        try:
            container = Container(path)
            if command == "export":
                out.writelines(container.export())
            elif command == "get":
                found = container.find(arguments[1].encode(errors="surrogateescape"))
                out.writelines(b">%b\n%b\n" % (container.header(i), container.residues(i)) for i in found)
                status = 0 if found else 3
            elif command == "members":
                for i, (representative, identity, coverage) in enumerate(container.members()):
                    print(i, "-" if representative is None else representative, identity, coverage, sep="\t")
            elif command in ("check", "answers"):
                check(container)
                print(f"{path}: sound", flush=True)
                for answer in answers(container) if command == "answers" else ():
                    print(*answer, sep="\t")
            else:
                raise SystemExit(__doc__)
        except Refused as refused:
            print(f"{path}: {': '.join(filter(None, refused.args))}", flush=True)
            status = 1
        except Unable as unable:
            print(f"{path}: cannot be read here: {unable}", flush=True)
            status = status or 2
    return status


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]) if len(sys.argv) > 2 else __doc__)

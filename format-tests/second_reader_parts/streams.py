"""Streams of blocks for `second_reader.py`: section 7 of spec/FORMAT.md."""
import struct
import zlib
from functools import lru_cache

from .codecs import RESIDUES, Cursor, decompress, need
from .packings import delta_items, unpack


class Stream:
    """Items in blocks. A block is decoded when an item asks for it; the last ones are kept."""

    def __init__(self, container, kind, nominal, slots):
        self.container, self.kind, self.nominal = container, kind, nominal
        self.bytes = container.section(kind + 1)
        self.entries = list(struct.iter_unpack("<QQIIIBBH", container.section(kind)))
        end = slot = 0
        for offset, first, stored, decoded, _, codec, packing, dictionary in self.entries:
            need(stored <= decoded + decoded // 4 + 68, "B-12")
            need(offset == end and offset + stored <= len(self.bytes), "B-1")
            need(1 <= decoded <= nominal, "B-2")
            need(codec <= 3 and packing <= 6, "B-4")
            need(packing == 0 or kind == (14 if packing == 5 else 8), "B-4", "a packing for another stream")
            need(dictionary <= len(container.dictionaries), "B-4", "no such dictionary")
            need(not dictionary or (codec == 2 and packing != 5), "B-4", "a dictionary is not for this block")
            need(slot <= first <= slots, "B-6")
            end, slot = offset + stored, first
        need(end == len(self.bytes), "B-1", "bytes after the last block")
        self.block = lru_cache(128)(self.decode)

    def decode(self, b):
        offset, _, length, n, checksum, codec, packing, dictionary = self.entries[b]
        stored, size = bytes(self.bytes[offset : offset + length]), n
        need(zlib.crc32(stored) == checksum, "B-3", f"block {b}")
        if packing == 5:
            return delta_items(stored, n, codec)
        if packing:
            size = length
            if codec:
                need(length >= 4, "B-5", "no payload length")
                size, stored = int.from_bytes(stored[:4], "little"), stored[4:]
            need(size <= n + n // 4 + 64, "B-10")
        out = decompress(codec, stored, size, self.container.dictionaries[dictionary - 1] if dictionary else b"")
        out = unpack(out, n, packing) if packing else out
        need(self.kind != 8 or not out.translate(None, RESIDUES), "B-5", "no residue")
        return out

    def item(self, address, n):
        """The `n` bytes at an address."""
        b, o = address >> 24, address & 0xFFFFFF
        if not self.entries:
            need(address == 0 and n == 0, "B-9", "a stream without blocks")
            return b""
        need(b < len(self.entries) and o <= self.entries[b][3], "B-9")
        if n <= self.nominal:
            need(o + n <= self.entries[b][3], "B-8")
            return self.block(b)[o : o + n] if n else b""
        blocks = -(-n // self.nominal)
        need(o == 0 and b + blocks <= len(self.entries), "B-8")
        sizes = [entry[3] for entry in self.entries[b : b + blocks]]
        need(sizes == [self.nominal] * (blocks - 1) + [n - (blocks - 1) * self.nominal], "B-8")
        return b"".join(self.block(i) for i in range(b, b + blocks))

    def prefixed(self, address, rule):
        """An item that starts with the number of bytes that follow, without that number."""
        b, o = address >> 24, address & 0xFFFFFF
        self.item(address, 0)
        need(self.entries, "B-9", "a stream without blocks")
        c = Cursor(self.block(b)[o : o + 10], rule)
        n = c.varint()
        if self.kind == 14:
            need(o + c.at + n <= self.entries[b][3], "X-4", "an item leaves its block")
        return self.item(address, c.at + n)[c.at :]

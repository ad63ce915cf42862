"""Payloads of packings for `second_reader.py`: sections 7 and 13 of spec/FORMAT.md."""
from .codecs import RESIDUES, U64, Cursor, decompress, need, put_varint


def pairs_of(alphabet, bits):
    """For each byte what its codes stand for, the lowest bits first."""
    per, mask = 8 // bits, (1 << bits) - 1
    return [bytes(alphabet[byte >> bits * i & mask] for i in range(per)) for byte in range(256)]


TABLES = {1: pairs_of(b"ACGT", 2), 2: pairs_of(b"ACGU", 2), 3: pairs_of(b"-ACMGRSVTWYHKDBN", 4), 6: pairs_of(b"-ACMGRSVUWYHKDBN", 4)}


def unpack(payload, n, packing):
    """Residues from a payload of packing 1 to 4 or 6."""
    bits, c = {1: 2, 2: 2, 3: 4, 4: 5, 6: 4}[packing], Cursor(payload, "B-11")
    packed = c.take((n * bits + 7) // 8)
    need(not n or packed[-1] >> (n * bits - 8 * (len(packed) - 1)) == 0, "B-11", "unused bits")
    if packing in TABLES:
        out = bytearray(b"".join(map(TABLES[packing].__getitem__, packed))[:n])
    else:
        words = (int.from_bytes(packed[i : i + 5], "little") for i in range(0, len(packed), 5))
        codes = [word >> 5 * i & 31 for word in words for i in range(8)][:n]
        need(max(codes) <= 26, "B-11", "a code without a residue")
        out = bytearray(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ*"[code] for code in codes)
    for lower in (False, True):
        at = 0
        for _ in range(c.varint()):
            at += c.varint()
            end = at + c.varint()
            need(at < end <= n, "B-11", "a run")
            if lower:
                out[at:end] = out[at:end].lower()
            else:
                byte = c.take(1)
                need(byte in RESIDUES and not byte.islower(), "B-11", "an exception")
                out[at:end] = byte * (end - at)
            at = end
    c.end()
    return bytes(out)


def delta_items(stored, n, codec):
    """The items of a block from the stored bytes of packing 5."""
    c = Cursor(stored, "X-5")
    lengths = [(c.varint(), c.varint()) for _ in range(10)]
    need(sum(length for length, _ in lengths) <= n + n // 4 + 64, "B-10")
    streams = []
    for length, compressed in lengths:
        data = c.take(compressed or length)
        need(codec or not compressed, "X-5", "a compressed stream in a block without a codec")
        streams.append(Cursor(decompress(codec, data, length) if compressed else data, "X-5"))
    c.end()
    parents, forms, sums, starts, counts, gaps, edits, long_counts, codes, inserted = streams
    out, parent = bytearray(), 0
    for form in forms.data:
        forms.at += 1
        zigzag = parents.varint()
        parent = (parent + (zigzag >> 1 ^ -(zigzag & 1))) % U64
        body = put_varint(parent) + bytes([form]) + sums.take(4)
        if form & 3 in (0, 2):
            body += put_varint(starts.varint())
        else:
            operations, letters, count = bytearray(), bytearray(), 0

            def put(kind, length):
                operations.extend(put_varint(length << 2 | kind))

            for _ in range(counts.varint()):
                gap, edit = gaps.varint(), edits.byte()
                kind, length = edit % 3 + 1, edit // 3 + 1
                length += long_counts.varint() if length == 85 else 0
                need(edit < 255 and max(length, gap) < 1 << 62, "X-5", "a count")
                count += 1 + (gap > 0)
                if gap:
                    put(0, gap)
                put(kind, length)
                letters += (codes, inserted, None)[kind - 1].take(length) if kind < 3 else b""
                need(len(out) + len(operations) + len(letters) <= n, "X-5", "longer than the block")
            gap = gaps.varint()
            need(gap < 1 << 62, "X-5", "a count")
            if gap:
                put(0, gap)
                count += 1
            body += put_varint(count) + operations + letters
        out += put_varint(len(body)) + body
        need(len(out) <= n, "X-5", "longer than the block")
    for stream in streams:
        stream.end()
    need(len(out) == n, "X-5", "shorter than the block")
    return bytes(out)

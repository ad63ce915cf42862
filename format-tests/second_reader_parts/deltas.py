"""Records told by another one for `second_reader.py`: section 13 of spec/FORMAT.md."""
import zlib

from .codecs import RESIDUES, Cursor, need

ROWS = """ASGVLTEIKRPQDNFMYCHWXZBJOU BDNESKGAQRTVLPHIFYMCWXZJOU CALVSITGKRDFMEPYNQHWXBZJOU DESNGAKQTPRVLIHFYMCWBXZJOU
EDKQSARNTGVLPHIYFMWCZBXJOU FLYIVASTGMEKRDHWNQPCXBZJOU GASNDEKRTVLPQIFHYMWCXBZJOU HEYNRSAKQDGLFTVPIMWCXBZJOU
IVLAFTMSEYKRDGPNQCHWXBZJOU JLAGVESIKRDTPNQFYMHCWXBZOU KRESAQLNDTGVPIMHYFCWXZBJOU LIVAMFTSKREYQGPNDCHWXBZJOU
MLVIASKQRFTEGPYNDHCWXZBJOU NSDGEKRTAQLHVPIYFMCWBXZJOU OLAGVESIKRDTPNQFYMHCWXBZJU PAESKDTGVLQRINMHYFCWXZBJOU
QEKRSADLNTGVPMHIYFWCZXBJOU RKEAQLSNTGDVPHIMYFCWXZBJOU SATGEKNDLQRVPIFMHYCWXBZJOU TSAVLEIKNRDGPQFMYHCWXBZJOU
ULAGVESIKRDTPNQFYMHCWXBZJO VILATMESKFGPYQRDNCHWXZBJOU WYFLGATVESIKQRMDPHNCXZBJOU XALSTGVEIKRDNQFPYMHCWBZJOU
YFLVHIAESKQRTGWNDMPCXZBJOU ZEQKDSARNTGVLPHIMYFCWBXJOU"""
ROWS = {row[0]: row for row in ROWS.encode().split()}
FORWARD, REVERSE = b"ACGTURYKMBDHVacgturykmbdhv", b"TGCAAYRMKVHDBtgcaayrmkvhdb"


def substitute(old, code):
    """The residue that a code puts in the place of another one."""
    if code >= 0x80:
        return code - 0x80
    row = ROWS.get(old & 0xDF) if bytes([old]).isalpha() else None
    need(row and code & 0x40 == 0 and code & 31 < 26, "X-2", f"code {code:#x} for {old:#x}")
    return row[code & 31] | (old ^ code) & 0x20


def reverse_complement(residues, uracil):
    table = bytearray(bytes.maketrans(FORWARD, REVERSE))
    table[ord("A")], table[ord("a")] = b"Uu" if uracil else b"Tt"
    return residues[::-1].translate(bytes(table))


def told(container, i, depth):
    """The residues of delta `i`, which must have a given depth unless that is None."""
    length = container.lengths[i]
    c = Cursor(container.deltas.prefixed(container.offsets[i], "X-4"), "X-4")
    parent, form, checksum, out = c.varint(), c.byte(), c.take(4), bytearray()
    need(1 <= form >> 2 <= 8 and depth in (None, form >> 2) and parent < container.count, "X-1", f"delta {i}")
    base, at, last = container.residues(parent, (form >> 2) - 1), 0, None
    if form & 2:
        base = reverse_complement(base, container.alphabet == 3)
    if not form & 1:
        at = c.varint()
        need(at + length <= len(base), "X-2", f"delta {i} leaves its parent")
        out += base[at : at + length]
    for operation in [c.varint() for _ in range(c.varint())] if form & 1 else []:
        n, kind = operation >> 2, operation & 3
        need(n and kind != last, "X-4", "an operation of no use")
        last = kind
        need(kind == 2 or at + n <= len(base), "X-2", "past the end of the parent")
        need(kind == 3 or len(out) + n <= length, "X-2", "too long")
        if kind == 0:
            out += base[at : at + n]
        elif kind == 1:
            out += bytes(map(substitute, base[at : at + n], c.take(n)))
        elif kind == 2:
            out += c.take(n)
        at += n * (kind != 2)
    c.end()
    need(len(out) == length and not out.translate(None, RESIDUES), "X-2", f"delta {i}")
    need(zlib.crc32(out).to_bytes(4, "little") == checksum, "X-3", f"delta {i}")
    return bytes(out)

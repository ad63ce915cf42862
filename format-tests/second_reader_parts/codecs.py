"""Rules, numbers and codecs for `second_reader.py`: sections 1 and 7 of spec/FORMAT.md."""
import subprocess
import tempfile

U64 = 1 << 64
RESIDUES = bytes(range(0x21, 0x7F))


class Refused(Exception):
    """A rule of the format is broken: its identifier, and what was seen."""


class Unable(Exception):
    """The file may be sound, but cannot be read here."""


def need(holds, rule, what=""):
    if not holds:
        raise Refused(rule, what)


class Cursor:
    """Reads from the start of some bytes; an end too early breaks `rule`, or V-1 within a number."""

    def __init__(self, data, rule):
        self.data, self.rule, self.at = data, rule, 0

    def take(self, n):
        need(n <= len(self.data) - self.at, self.rule, "cut short")
        self.at += n
        return bytes(self.data[self.at - n : self.at])

    def byte(self):
        return self.take(1)[0]

    def varint(self):
        value = 0
        for i in range(10):
            need(self.at < len(self.data), "V-1", "a number is cut short")
            byte = self.byte()
            value |= (byte & 0x7F) << (7 * i)
            if byte < 0x80:
                need(value < U64 and (byte or i == 0), "V-1")
                return value
        raise Refused("V-1", "longer than 10 bytes")

    def end(self):
        need(self.at == len(self.data), self.rule, "bytes are left over")


def put_varint(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out) + bytes([value])


def copy_back(out, distance, n):
    need(0 < distance <= len(out), "B-5", "a match before the start")
    piece = out[len(out) - distance :][:n]
    out += (piece * (n // len(piece) + 1))[:n]


def lz4(data, size):
    """One block of LZ4."""
    out, c = bytearray(), Cursor(data, "B-5")

    def length(nibble):
        n = more = nibble
        while more == 15 or more == 255:
            more = c.byte()
            n += more
            if more != 255:
                break
        return n

    while True:
        token = c.byte()
        out += c.take(length(token >> 4))
        if c.at == len(data):
            return bytes(out)
        distance = c.byte() | c.byte() << 8
        n = length(token & 15) + 4
        need(len(out) + n <= size, "B-5", "too long")
        copy_back(out, distance, n)


def snappy(data, size):
    """Snappy's raw format."""
    out, c = bytearray(), Cursor(data, "B-5")
    need(c.varint() == size, "B-5", "another length")
    while c.at < len(data):
        tag = c.byte()
        kind, n = tag & 3, (tag >> 2) + 1
        if kind == 0:
            n = int.from_bytes(c.take(n - 60), "little") + 1 if n > 60 else n
            out += c.take(n)
        elif kind == 1:
            copy_back(out, tag >> 5 << 8 | c.byte(), (tag >> 2 & 7) + 4)
        else:
            copy_back(out, int.from_bytes(c.take(2 * kind - 2), "little"), n)
        need(len(out) <= size, "B-5", "too long")
    return bytes(out)


def frame_end(data):
    """Where the Zstandard frame at the start of some bytes ends (RFC 8878, section 3.1.1)."""
    c = Cursor(data, "B-5")
    need(c.take(4) == b"\x28\xb5\x2f\xfd", "B-5", "no Zstandard frame")
    flags = c.byte()
    single = flags >> 5 & 1
    c.take((1 - single) + (0, 1, 2, 4)[flags & 3] + (single, 2, 4, 8)[flags >> 6])
    last = 0
    while not last:
        block = int.from_bytes(c.take(3), "little")
        last, kind, n = block & 1, block >> 1 & 3, block >> 3
        c.take(1 if kind == 1 else n)
    c.take(4 * (flags >> 2 & 1))
    return c.at


def zstandard(data, size, dictionary):
    need(frame_end(data) == len(data), "B-5", "bytes after the frame")
    try:
        from compression import zstd
    except ImportError:
        return zstandard_by_program(data, size, dictionary)
    try:
        raw = not dictionary.startswith(b"\x37\xa4\x30\xec")
        with_dictionary = zstd.ZstdDict(dictionary, is_raw=raw) if dictionary else None
        return zstd.ZstdDecompressor(zstd_dict=with_dictionary).decompress(data, max_length=size + 1)
    except zstd.ZstdError as error:
        raise Refused("B-5", str(error)) from None


def zstandard_by_program(data, size, dictionary):
    with tempfile.NamedTemporaryFile() as source, tempfile.NamedTemporaryFile() as words:
        source.write(data)
        words.write(dictionary)
        source.seek(0), words.flush()
        command = ["zstd", "-dcq", "--memory=8MiB"] + (["-D", words.name] if dictionary else [])
        try:
            run = subprocess.Popen(command, stdin=source, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        except FileNotFoundError:
            raise Unable("Zstandard needs Python 3.14 or the program zstd") from None
        with run:
            out = run.stdout.read(size + 1)
            run.stdout.close()
        need(run.returncode == 0, "B-5", "the program zstd refuses the frame")
        return out


def decompress(codec, data, size, dictionary=b""):
    """Exactly `size` bytes from what a codec stored."""
    need(codec or len(data) == size, "B-5", f"{len(data)} bytes for {size}")
    if codec == 0:
        return data
    out = zstandard(data, size, dictionary) if codec == 2 else (lz4 if codec == 1 else snappy)(data, size)
    need(len(out) == size, "B-5", f"{len(out)} bytes for {size}")
    return out

#!/usr/bin/env python3
"""A disk that remembers: serves an image by NBD on a socket, logs each write and flush, and fails where it is told to.

    disk.py SOCKET IMAGE LOG BAD

LOG gets one record for each write and flush, in the order in which they were done: offset and length as u64, little-endian, then
the bytes; a flush is the offset 2^64 - 1 and nothing. BAD, where it exists, has lines "FIRST END" of bytes: reading any of them is answered with EIO.

One connection at a time, one request after another, so that the log is what the disk had. Fixed newstyle handshake, simple replies.
"""
import os
import socket
import struct
import sys

EIO, EINVAL = 5, 22
FLUSHED = 2**64 - 1
FLAGS = 1 | 4  # has flags, takes flushes; each write is lost or not until then
OPTION_MAGIC, OPTION_REPLY = 0x49484156454F5054, 0x3E889045565A9
REQUEST, REPLY = 0x25609513, 0x67446698


def take(connection, count):
    parts = b""
    while len(parts) < count:
        part = connection.recv(count - len(parts))
        if not part:
            raise EOFError
        parts += part
    return parts


def negotiate(connection, size):
    """Whether data is to follow."""
    connection.sendall(b"NBDMAGIC" + struct.pack(">QH", OPTION_MAGIC, 1 | 2))
    quiet = struct.unpack(">I", take(connection, 4))[0] & 2
    while True:
        _, option, length = struct.unpack(">QII", take(connection, 16))
        take(connection, length)

        def answer(kind, data=b""):
            connection.sendall(struct.pack(">QIII", OPTION_REPLY, option, kind, len(data)) + data)

        if option == 1:  # the export, by the old way
            connection.sendall(struct.pack(">QH", size, FLAGS) + (b"" if quiet else bytes(124)))
            return True
        if option == 2:
            answer(1)
            return False
        if option in (6, 7):  # information, or information and go
            answer(3, struct.pack(">HQH", 0, size, FLAGS))
            answer(1)
            if option == 7:
                return True
        else:
            answer(2**31 + 1)


def is_bad(path, offset, length):
    try:
        with open(path, encoding="ascii") as lines:
            ranges = [tuple(map(int, line.split())) for line in lines]
    except FileNotFoundError:
        return False
    return any(first < offset + length and offset < end for first, end in ranges)


def serve(connection, image, log, bad):
    if not negotiate(connection, os.fstat(image).st_size):
        return
    while True:
        _, _, kind, handle, offset, length = struct.unpack(">IHHQQI", take(connection, 28))
        error, data = 0, b""
        if kind == 0:
            if is_bad(bad, offset, length):
                error = EIO
            else:
                data = os.pread(image, length, offset)
        elif kind == 1:
            written = take(connection, length)
            os.pwrite(image, written, offset)
            log.write(struct.pack("<QQ", offset, length) + written)
            log.flush()
        elif kind == 2:
            return
        elif kind == 3:
            log.write(struct.pack("<QQ", FLUSHED, 0))
            log.flush()
        else:
            error = EINVAL
        connection.sendall(struct.pack(">IIQ", REPLY, error, handle) + data)


def main():
    path, image, log, bad = sys.argv[1:]
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()
    image = os.open(image, os.O_RDWR)
    with open(log, "wb") as log:
        while True:
            connection, _ = listener.accept()
            try:
                serve(connection, image, log, bad)
            except (EOFError, ConnectionError):
                pass


main()

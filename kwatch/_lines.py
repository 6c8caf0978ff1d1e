"""The lines of a gzip file, as far as they are whole."""

import zlib
from collections.abc import Iterator
from io import FileIO
from typing import Final

from kwatch._decoder import MAX_DOCUMENT_BYTES
from kwatch._errors import DecodeError

GZIP: Final = 31
"""What makes zlib write and read gzip: the largest window, and 16. Source: zlib's manual."""

CHUNK_BYTES: Final = 65_536
"""So much is read at a time, and so much decompressed."""


class CutShortError(Exception):
    """The file has ended, and the gzip in it has not."""


def lines(file: FileIO) -> Iterator[bytes]:
    """Read the lines of a gzip file, and hold one at a time.

    Yields:
        Each line, without its newline, and the last one even if it has none: but not if the file
        was cut short, since nobody knows what is missing.

    Raises:
        CutShortError: It was. All whole lines were yielded; as before the errors that follow.
        DecodeError: It is not gzip, or damaged, or a line is longer than `MAX_DOCUMENT_BYTES`.
    """
    rest = bytearray()
    for text in _decompressed(file):
        rest += text
        if b"\n" in text:
            *whole, rest = rest.split(b"\n")
            yield from map(bytes, whole)
        if len(rest) > MAX_DOCUMENT_BYTES:
            raise DecodeError(f"a line is longer than {MAX_DOCUMENT_BYTES} bytes")
    if rest:
        yield bytes(rest)


def _decompressed(file: FileIO) -> Iterator[bytes]:
    unzip = zlib.decompressobj(wbits=GZIP)
    while not unzip.eof and (data := unzip.unconsumed_tail or file.read(CHUNK_BYTES)):
        before = unzip.copy()
        try:
            text = unzip.decompress(data, CHUNK_BYTES)
        except zlib.error as error:
            yield from _sound(before, data)
            raise DecodeError(_problem(error)) from None
        yield text
    if not unzip.eof:
        yield unzip.flush()
        raise CutShortError
    if unzip.unused_data or file.read(1):
        raise DecodeError("something follows the end of the gzip")


def _sound(unzip: "zlib._Decompress", data: bytes) -> Iterator[bytes]:
    """Decompress byte by byte, up to where data is damaged: zlib drops what a failed call had."""
    for index in range(len(data)):
        try:
            yield unzip.decompress(data[index : index + 1])
        except zlib.error:
            return


def _problem(error: zlib.error) -> str:
    if "incorrect header check" in str(error):
        return "expected a recording, which is gzip, got something else"
    return f"the gzip is damaged: {error}"

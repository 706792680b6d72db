"""Names of feeds and partitions as names of folders, and names of files as text that can be shown.

A folder's name is bounded (at most :data:`MOST` ASCII characters), differs for different names, and leads back to
the name: by itself where it is short, else by the file :data:`NAME` inside the folder, which holds the name in full.
"""

from __future__ import annotations

import hashlib
from urllib.parse import quote, unquote

MOST = 200
"""Characters of a folder's name; file systems take 255 bytes."""
NAME = "name.json"
"""The file that holds the name of a folder whose own name is too short for it."""
_CUT = "%~"
"""Stands before the digest of a name that was cut. After a percent sign the encoding of a short name has digits."""
_DIGEST = 40


def escape(name: str) -> str:
    """``name`` as one folder name: ``EU/2013-01-01`` as ``EU%2F2013-01-01``. :func:`unescape` takes it back."""
    text = quote(name, safe=" +=,@", errors="surrogatepass")
    if text.startswith((".", "_")) or text in ("", "~"):
        text = f"%{ord(text[0]):02X}{text[1:]}" if text else "%"
    if len(text) <= MOST:
        return text
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST]
    return f"{text[: MOST - _DIGEST - len(_CUT)]}{_CUT}{digest}"


def is_cut(folder: str) -> bool:
    """Whether a folder's name holds only the beginning of the name and a digest."""
    return _CUT in folder


def unescape(folder: str) -> str:
    """The name that :func:`escape` made ``folder`` of; a cut one stays as it is, for :data:`NAME` knows the rest."""
    if is_cut(folder):
        return folder
    return "" if folder == "%" else unquote(folder, errors="surrogatepass")


def is_text(name: str) -> bool:
    """Whether it can be written as UTF-8. Python stands surrogates for the bytes of a file name that are none, and JSON
    can write half of a pair."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def encodable(text: str) -> str:
    r"""``text`` with the bytes of file names that are not UTF-8 as ``\xff``: it can be written and sent anywhere."""
    if is_text(text):
        return text
    return (
        "".join(f"\\x{ord(sign) - 0xDC00:02x}" if 0xDC80 <= ord(sign) <= 0xDCFF else sign for sign in text)
        .encode("utf-8", "backslashreplace")
        .decode()
    )


def shown(name: str) -> str:
    r"""A name for logs, events and terminals: control characters too as ``\n`` and ``\x1b``."""
    if name.isprintable():
        return name
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in encodable(name))

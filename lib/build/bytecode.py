"""Bytecode of lib/ that can never be that of another source."""

import contextlib
import importlib.util
import py_compile
from pathlib import Path

from lib.concordance import ROOT

CHECKED_HASH = 3  # the second word of a file of bytecode that Python compares with its source's content


def compile_lib():
    """Compile the modules of lib/ so that Python compares bytecode with its source by content.

    By itself it compares time and size, and these are the same after a change of one digit and a clock
    that was set back, or files unpacked from an archive with fixed times.
    """
    mode = py_compile.PycInvalidationMode.CHECKED_HASH
    for source in (ROOT / "lib").rglob("*.py"):
        compiled = Path(importlib.util.cache_from_source(source, optimization=""))
        with contextlib.suppress(OSError, py_compile.PyCompileError):  # importing it will tell
            if not _compared_by_content(compiled):
                py_compile.compile(source, compiled, doraise=True, optimize=0, invalidation_mode=mode)


def _compared_by_content(bytecode):
    """Return whether a file of bytecode of this Python, which may be missing, is compared by content."""
    if not bytecode.exists():
        return False
    with open(bytecode, "rb") as file:
        magic, flags = file.read(4), file.read(4)
    return magic == importlib.util.MAGIC_NUMBER and int.from_bytes(flags, "little") == CHECKED_HASH

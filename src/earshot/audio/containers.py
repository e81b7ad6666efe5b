"""Files opened with FFmpeg's libraries (PyAV) such that no file can make them open another one."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from av.container import InputContainer

_DEMUXERS = (
    *("aac", "ac3", "adx", "aea", "aiff", "amr", "amrnb", "amrwb", "ape", "asf", "ast", "au", "avi", "caf"),
    *("dsf", "dts", "dtshd", "eac3", "flac", "flv", "gsm", "iff", "ircam", "loas", "matroska", "mlp", "mmf"),
    *("mov", "mp3", "mpc", "mpc8", "mpeg", "mpegts", "nistsphere", "nut", "ogg", "oma", "osq", "paf", "pvf"),
    *("qcp", "qoa", "rm", "rso", "shn", "sox", "tak", "truehd", "tta", "voc", "vqf", "w64", "wav", "wsd"),
    *("wv", "wve", "xwma"),
)
"""Demuxers of sound that lies in the file itself: no lists, manifests or sidecars (concat, hls, sdp, ...)."""

_MOST_MEMORY = 512 << 20
"""Bytes that opening a file may take: a table of 20 bytes can say that it has 50 million entries."""


def open_container(file: Any) -> InputContainer:
    """Open a binary file object (`read`, `seek`, `tell`) for demuxing; the caller closes both.

    FFmpeg checks the demuxer's name before it reads the header, which is where `concat`
    opens the files that it lists, and is given no protocol to open a path or an address
    with, as QuickTime's references would (options `format_whitelist` and
    `protocol_whitelist` of https://ffmpeg.org/ffmpeg-formats.html).

    Raises
    ------
    av.FFmpegError, ValueError, MemoryError
        Not one of these formats, or one that takes too much memory.
    """
    import av

    options = {"format_whitelist": ",".join(_DEMUXERS), "protocol_whitelist": "none"}
    with _bounded_memory():
        container: InputContainer = av.open(file, metadata_errors="replace", options=options)
    return container


@contextmanager
def _bounded_memory() -> Iterator[None]:
    """Let this process take `_MOST_MEMORY` more at most, at which FFmpeg gives up. For Linux alone."""
    used = Path("/proc/self/statm")
    if not used.exists():
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    # statm's first figure is the address space in pages, which is what RLIMIT_AS bounds
    limit = int(used.read_text().split()[0]) * resource.getpagesize() + _MOST_MEMORY
    resource.setrlimit(
        resource.RLIMIT_AS, (limit if soft == resource.RLIM_INFINITY else min(soft, limit), hard)
    )
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))

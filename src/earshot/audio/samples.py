"""What every decoder gives, what it may give, and the error that says why a file gives nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from earshot.errors import UserError

Samples = NDArray[np.float32]
"""`(n_samples, channels)`, full scale at -1 and 1."""

MAX_CHANNELS = 64
SAMPLE_RATES = (1000, 768_000)
"""Hz; headers beyond are a mistake or an attack, and cost memory before the first sample is there."""


class AudioError(Exception):
    """A file that cannot be used; the message is the reason, `kind: detail`, without the file's path."""


class UnknownFormatError(AudioError):
    """Not the format that a decoder wants."""


class BrokenError(AudioError):
    """A decoder gave up over a file's content."""


def check_format(sample_rate: int, channels: int) -> None:
    """Raise AudioError where no music has such a sample rate (Hz) or so many channels."""
    lowest, highest = SAMPLE_RATES
    if not lowest <= sample_rate <= highest:
        raise AudioError(f"not usable: sample rate of {sample_rate} Hz, wanted {lowest} to {highest}")
    if not 1 <= channels <= MAX_CHANNELS:
        raise AudioError(f"not usable: {channels} channels, wanted 1 to {MAX_CHANNELS}")


@contextmanager
def codec_errors() -> Iterator[None]:
    """Whatever a decoder raises over a file's content becomes a BrokenError; a disk that fails stays OSError.

    So does a UserError, which is about no file's content.

    Decoders raise what they like over broken files: LibsndfileError, FFmpegError, ValueError,
    UnicodeDecodeError, ZeroDivisionError, MemoryError.
    """
    import av

    try:
        yield
    except (AudioError, UserError):
        raise
    except MemoryError:
        raise BrokenError("broken: it takes more memory than there is") from None
    except Exception as error:
        if isinstance(error, OSError) and not isinstance(error, av.FFmpegError):
            raise
        message = getattr(error, "error_string", None) or getattr(error, "strerror", None)
        raise BrokenError(f"broken: {message or f'its decoder gave up ({error})'}") from error

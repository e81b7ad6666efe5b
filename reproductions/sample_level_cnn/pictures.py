"""Pictures of what a network has learned: spectra of its filters, gates of its blocks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from earshot.pages.hyper_images import DPI, INK, MUTED, png

Singles = NDArray[np.float32]


def filters_png(spectra: Sequence[Singles], sample_rate: int) -> bytes:
    """A panel a layer, frequency upwards, filters sorted by where theirs is largest; PNG.

    `spectra` as `filter_spectra` gives them, float32 `(n_filters, n_bins)` up to half of
    `sample_rate` (Hz).
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.0, 2.6), dpi=DPI, layout="constrained")
    panels = figure.subplots(1, len(spectra), sharey=True, squeeze=False)[0]
    for number, (panel, layer) in enumerate(zip(panels, spectra, strict=True), start=1):
        # each filter by its own largest: layers differ in scale
        scaled = layer / np.maximum(layer.max(axis=1, keepdims=True), 1e-12)
        extent = (0, len(layer), 0, sample_rate / 2000)
        # half of it dark: logarithms are all large
        panel.imshow(
            scaled.T, "magma", vmin=float(np.median(scaled)), origin="lower", aspect="auto", extent=extent
        )
        panel.set_title(f"Layer {number}", fontsize=9, color=INK)
        panel.tick_params(labelsize=8, colors=MUTED)
    panels[0].set_ylabel("kHz", fontsize=9, color=MUTED)
    return png(figure)


def gates_png(by_tag: Sequence[Singles]) -> bytes:
    """A panel a block, a line a tag, its channels sorted by their mean over tags; PNG.

    `by_tag` are float32 `(n_tags, channels)` within 0 and 1, NaN of a tag without a clip.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.0, 1.2 + 0.16 * len(by_tag[0])), dpi=DPI, layout="constrained")
    panels = figure.subplots(1, len(by_tag), sharey=True, squeeze=False)[0]
    for number, (panel, gates) in enumerate(zip(panels, by_tag, strict=True), start=1):
        told = np.isfinite(gates).all(axis=1)
        order = np.argsort(gates[told].mean(axis=0), kind="stable")
        panel.imshow(gates[:, order], aspect="auto", cmap="magma", vmin=0, vmax=1, interpolation="nearest")
        panel.set_title(f"Block {number}", fontsize=9, color=INK)
        panel.tick_params(labelsize=7, colors=MUTED)
        panel.set_yticks(range(len(gates)), range(1, len(gates) + 1))  # names of tags are the page's
    return png(figure)

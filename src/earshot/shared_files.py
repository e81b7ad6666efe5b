"""Names of what lies in a shared release beside its model: more than one part reads them."""

CARD, PAGE = "shared/card.json", "shared/card.html"
"""The model card, for programs and for people."""
REFERENCE, REFERENCE_STATISTICS = "drift/songs.parquet", "drift/statistics.npy"
"""Songs trained on, described, without ids; artists are numbered. Quantiles for drift are drawn of them."""
REFERENCE_COLUMNS = {
    "artist": "INT64",
    "loudness": "DOUBLE",
    "bandwidth": "DOUBLE",
    "predicted_norm": "DOUBLE",
}
"""Of the table, with parquet's types."""

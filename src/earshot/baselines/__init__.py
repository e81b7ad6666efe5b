"""What an encoder must beat, one system a file.

A system takes a `known.Known` and gives float32 (n, factors), item factors of all its songs; one
that has listeners' vectors of its own gives `known.Vectors`.
"""

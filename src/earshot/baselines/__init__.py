"""What an encoder must beat: the other systems of van den Oord et al. 2013, one a file.

A system takes a `known.Known` and gives float32 (n, factors), item factors of all its songs; one
that has listeners' vectors of its own gives `known.Vectors`.
"""

"""Networks that hear: windows of a hyper-image in, a vector out; nothing of what they are trained for.

An encoder is a `torch.nn.Module` with

- `families`: the families it wants by default, of hyper-image rows (`earshot.store.rows.FAMILIES`) and of
  those beside the image (`earshot.features.families`); `families` among its init_args says otherwise;
- `__init__(n_rows, n_outputs, **init_args)`, where `n_rows` counts the rows of those families;
- `forward(windows)`: float32 (batch, n_rows, n_frames), every row with mean 0 and variance 1
  over the training songs (less, where it hardly varies there) and within
  `scales.MAX_DEVIATIONS`, to float32 (batch, n_outputs); any `n_frames`, unless
  `__init__` asks for it: an encoder that names `n_frames` or `family_rows` there is given the
  frames of a window, and how many rows each family has.

Of families beside the image `forward` is given one more tensor each, in the order of `families`, behind
the windows (which it is not given where it wants no row): float32 (batch, n_frames, width) as stored, of
those that have a line a frame; float32 (batch, n_words), 1 where a word is said of the song, of those
that say words; float32 (batch, width) of those that have a vector a song, zeros where one has none. An
encoder that names `widths` in `__init__` is given the last of these numbers by name. Vectors and words of
songs come on one scale (`earshot.predictors.song_scale`). In place of who the artist is, of the family
`artist`, come the factors of the artist's other songs (`earshot.predictors.artist_vectors`).

In training an encoder may answer several times, (times * batch, n_outputs), as if it knew more of a song or
less. One that says `answers_by_sound = True` has an answer of its own to songs of which nothing is known but
their sound, and is stopped early by the mean loss of that and of its answer to all.

params.yaml names it as `{file: path/to/file.py, class: Class, init_args: {...}}`, a file here or of your own.
"""

"""Networks that hear: windows of a hyper-image in, a vector out; nothing of what they are trained for.

An encoder is a `torch.nn.Module` with

- `families`: the families of hyper-image rows it wants by default (`earshot.features.rows.FAMILIES`);
  `families` among its init_args says otherwise;
- `__init__(n_rows, n_outputs, **init_args)`, where `n_rows` counts the rows of those families;
- `forward(windows)`: float32 (batch, n_rows, n_frames), every row with mean 0 and variance 1
  over the training songs (less, where it hardly varies there) and within
  `scales.MAX_DEVIATIONS`, to float32 (batch, n_outputs); any `n_frames`, unless
  `__init__` asks for it: an encoder that names `n_frames` or `family_rows` there is told the
  frames of a window, and how many rows each family has.

params.yaml names it as `{file: path/to/file.py, class: Class, init_args: {...}}`, a file here or of your own.
"""

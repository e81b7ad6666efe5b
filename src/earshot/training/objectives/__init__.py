"""What an encoder can be trained for, one objective a file; none knows the network that serves it.

An objective is a `torch.nn.Module` with

- `__init__(examples, **init_args)`, `examples` as `earshot.training.examples.Examples`;
- `n_outputs`: how long a vector it wants;
- `forward(outputs, songs)`: outputs float32 (n, n_outputs), songs int64 (n,) as rows of
  `examples`, to the loss of each, float32 (n,);
- `output_mean` float32 (n_outputs,), `output_scale` float32 () or (n_outputs,): outputs times scale plus
  mean are the predicted vectors, in the taste space below;
- `save_space(folder, hear)`: write into `folder` what `earshot.spaces.space.read_space` needs, nothing
  for the space of the factorization; `hear` gives what the trained encoder predicts for rows of the
  examples. It is called once, at the end, and may change `output_mean` and `output_scale`. A model whose
  objective has none cannot be served.

A validation gives `forward` some whole songs at a time, fewer than a training batch has windows: where a loss
hangs on what else is in the batch, its mean must not hang on how much that is.

Where several processes train, `forward` is given the whole batch on each; what it draws at random differs.

Its own parameters, if it has any, are trained, averaged and kept like those of the encoder.

params.yaml names it as `{file: path/to/file.py, class: Class, init_args: {...}}`, a file here or of your own.
"""

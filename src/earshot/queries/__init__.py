"""Questions to what is served: what for this listener, what sounds like this, who would like it.

Answers come out of DVC's cache by the hashes in dvc.lock, so whatever is running or
half written meanwhile, they are of one release, whole.
"""

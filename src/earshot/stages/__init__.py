"""One module a stage: `run(paths, params) -> summary` reads, calls the core once or twice, and writes."""

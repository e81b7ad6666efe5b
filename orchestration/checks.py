"""Asset checks: what a stage observed beside what was expected of it.

Whatever must stop a run is checked by the stage itself, so that `dvc repro` stops
too; these show it. A stage lists them in its summary under `checks`, each
`{"name", "description", "passed", "observed", "expected"}`.
"""

"""`earshot serve`: one process that keeps what is served in memory and answers people, programs and players.

The way of a question: `app` lets it in past `safety` and `keys`, a route of `api` or of `pages` asks the
`Snapshot` that `Live` holds at that moment, and nothing else: an answer is of one release, whole.
"""

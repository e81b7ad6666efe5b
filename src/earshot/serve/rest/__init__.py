"""`/rest`: what music players ask, in the protocol OpenSubsonic (https://opensubsonic.netlify.app).

A call comes in through `calls`, which finds out what is asked (`parameters`), has one of `browsing`, `sonic`,
`sounds`, `marking` or `playlists` answer, and writes that as JSON or XML (`wire`). Of errors, those that a
player can make sense of have the protocol's codes.
"""

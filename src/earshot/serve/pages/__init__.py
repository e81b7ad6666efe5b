"""The pages, a module each: what it asks of the snapshot, and its routes. Templates draw, and ask nothing."""

from earshot.serve.pages import anybody, arrivals, listener, listeners, search, song, why

ROUTERS = (
    *(arrivals.router, search.router, song.router),
    *(listeners.router, listener.router, why.router, anybody.router),
)

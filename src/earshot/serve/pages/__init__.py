"""The pages, a module each: what it asks of the snapshot, and its routes. Templates draw, and ask nothing."""

from earshot.serve.pages import arrivals, search, song

ROUTERS = (arrivals.router, search.router, song.router)

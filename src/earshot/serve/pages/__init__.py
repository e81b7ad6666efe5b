"""The pages, a module each: what it asks of the snapshot, and its routes. Templates draw, and ask nothing."""

from earshot.serve.pages import (
    anybody,
    arrivals,
    listener,
    listeners,
    models,
    reports,
    search,
    song,
    versus,
    why,
)
from earshot.serve.pages import map as map_page

ROUTERS = (
    arrivals.router,
    listeners.router,
    listener.router,
    why.router,
    search.router,
    song.router,
    anybody.router,
    map_page.router,
    models.router,
    reports.router,
    versus.router,
)

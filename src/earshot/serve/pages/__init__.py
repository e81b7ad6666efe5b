"""The pages, a module each: what it asks of the snapshot, and its routes. Templates draw, and ask nothing."""

from earshot.serve.pages import arrivals, models, reports, search, song, versus
from earshot.serve.pages import map as map_page

ROUTERS = (
    arrivals.router,
    search.router,
    song.router,
    map_page.router,
    models.router,
    reports.router,
    versus.router,
)

"""The pages, a module each: what it asks of the snapshot, and its routes. Templates draw, and ask nothing."""

from earshot.serve.pages import models, reports, search

ROUTERS = (search.router, models.router, reports.router)

"""The pages, a module each: what it asks of the snapshot, and its routes. Templates draw, and ask nothing."""

from earshot.serve.pages import map as map_page
from earshot.serve.pages import search

ROUTERS = (search.router, map_page.router)

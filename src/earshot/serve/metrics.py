"""What Prometheus is told: how many answers, how long they took, and what is served."""

from __future__ import annotations

import time
from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from earshot.serve.live import Live

_SECONDS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class Metrics:
    """Figures of one server.

    Parameters
    ----------
    live
        What is served.
    """

    def __init__(self, live: Live) -> None:
        self._live = live
        self._registry = CollectorRegistry()
        labels, kept = ("route", "status"), self._registry
        self._answers = Counter("earshot_answers", "Answers by route and status", labels, registry=kept)
        self._seconds = Histogram(
            "earshot_answer_seconds",
            "From the request to the end of its answer",
            ("route",),
            buckets=_SECONDS,
            registry=kept,
        )
        self._registry.register(self)

    def collect(self) -> Iterable[Metric]:
        """What is served, looked at when Prometheus asks."""
        snapshot = self._live.served
        yield GaugeMetricFamily(
            "earshot_stale",
            "1 where what dvc.lock names cannot be served, and an earlier state or nothing answers",
            value=self._live.trouble is not None,
        )
        if snapshot is None:
            return
        named = GaugeMetricFamily("earshot_release", "1: what is served", labels=("release", "state"))
        named.add_metric((snapshot.release, snapshot.name), 1)
        yield named
        yield GaugeMetricFamily("earshot_songs", "Songs that are served", value=len(snapshot.song_ids))
        yield GaugeMetricFamily("earshot_listeners", "Listeners with a list", value=len(snapshot.user_ids))

    def counted(self, app: ASGIApp) -> ASGIApp:
        """`app`, whose answers are counted by the route that gave them, never by what was asked."""

        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            started, statuses = time.perf_counter(), []

            async def noting(message: Message) -> None:
                if message["type"] == "http.response.start":
                    statuses.append(message["status"])
                await send(message)

            try:
                await app(scope, receive, noting)
            finally:
                route = getattr(scope.get("route"), "path", "none")
                self._answers.labels(route, str(statuses[0] if statuses else 500)).inc()
                self._seconds.labels(route).observe(time.perf_counter() - started)

        return answer

    def respond(self) -> Response:
        """All of them, in Prometheus's text format."""
        return Response(generate_latest(self._registry), media_type=CONTENT_TYPE_PLAIN_0_0_4)

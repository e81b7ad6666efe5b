"""What the API answers: the rows of the command line, by page and by format; and what it does not."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from schemathesis.config import SchemathesisConfig

from earshot.columns import SONG_ID
from earshot.queries.served import read_served
from earshot.serve.app import Server
from earshot.spaces.placing import Placed
from tests.releases.tiny_workspace import UNHEARD, Repository, World

QUESTIONS = {
    "recommend?user=u007": ("recommend", "u007"),
    "recommend?user=u007&new=true": ("recommend", "u007", "--new"),
    "recommend?user=u007&genre=JAZZ&max_per_artist=1": (
        *("recommend", "u007", "--genre", "JAZZ"),
        *("--max-per-artist", "1"),
    ),
    "similar?song=s000": ("similar", "s000"),
    "similar?song=s092&csls=true": ("similar", "s092", "--csls"),
    "listeners?song=s092": ("listeners", "s092"),
    "songs?q=artist+a01": ("songs", "artist a01"),
    "users?q=U00": ("users", "U00"),
}


@pytest.mark.parametrize("path", QUESTIONS)
def test_rows_are_those_of_the_command_line(client: TestClient, first_release: Repository, path: str) -> None:
    command, *rest = QUESTIONS[path]
    answer = client.get(f"/api/v1/{path}&k=4").json()
    assert answer["rows"] == json.loads(first_release.earshot(command, *rest, "-k", "4", "--json"))
    assert answer["rows"]
    assert answer["release"] == first_release.pointer()["release"]
    assert answer["state"] == client.get("/api/v1/health").json()["state"]


@pytest.mark.parametrize("path", ["recommend?user=u007", "recommend?user=u007&max_per_artist=2", "songs?q=s"])
def test_pages_follow_one_another_without_a_gap(client: TestClient, path: str) -> None:
    whole = client.get(f"/api/v1/{path}&k=1000").json()
    assert whole["next"] is None
    rows: list[dict[str, Any]] = []
    offset: int | None = 0
    while offset is not None:
        page = client.get(f"/api/v1/{path}&k=7&offset={offset}").json()
        assert offset == len(rows)
        rows, offset = rows + page["rows"], page["next"]
    assert rows == whole["rows"]


def test_csv_and_parquet_hold_the_same_rows(client: TestClient) -> None:
    path = "/api/v1/recommend?user=u007&k=5"
    rows = pd.DataFrame(client.get(path).json()["rows"])
    csv, parquet = (client.get(f"{path}&format={name}") for name in ("csv", "parquet"))
    assert csv.headers["content-disposition"] == 'attachment; filename="recommended.csv"'
    pd.testing.assert_frame_equal(pd.read_parquet(io.BytesIO(parquet.content)), rows, check_dtype=False)
    read = pd.read_csv(io.BytesIO(csv.content), dtype={"release": str}, keep_default_na=False)
    pd.testing.assert_frame_equal(read, rows, check_dtype=False)


def test_a_formula_in_a_title_is_a_text_in_a_spreadsheet() -> None:
    from earshot.serve.export import respond

    written = respond([{"title": "=HYPERLINK(1)", "score": -1.5}], {}, "csv", "x").body
    assert bytes(written).decode().splitlines() == ["title,score", "'=HYPERLINK(1),-1.5"]


def test_what_is_not_there_is_a_problem_that_names_it(client: TestClient) -> None:
    for path, status, told in [
        ("recommend?user=nobody", 404, "user 'nobody' has no plays"),
        ("recommend?user=u007&genre=polka", 404, "genre='polka' must be one of jazz, rare, rock"),
        ("similar?song=../../etc/passwd", 404, "song '../../etc/passwd' is not served"),
        ("recommend", 422, "wanted user_id"),
        ("recommend?user=u007&k=0", 422, "query.k"),
        ("nothing", 404, "Not Found"),
    ]:
        answer = client.get(f"/api/v1/{path}")
        assert answer.status_code == status, path
        assert answer.headers["content-type"] == "application/problem+json"
        assert told in answer.json()["detail"]


def test_a_browser_is_told_in_a_page(client: TestClient) -> None:
    page = client.get("/song?song=<b>nobody</b>", headers={"Accept": "text/html"})
    assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "&lt;b&gt;nobody&lt;/b&gt;" in page.text
    assert "<b>nobody" not in page.text
    of_program = client.get("/api/v1/nothing", headers={"Accept": "text/html"})
    assert of_program.headers["content-type"] == "application/problem+json"


def test_a_vector_and_several_songs_have_neighbours(client: TestClient, first_release: Repository) -> None:
    served = read_served(first_release.root)
    vectors = served.vectors("item_factors.npy")
    rows = client.get("/api/v1/similar?song=s000&song=s010&k=3").json()["rows"]
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    middle = unit[[served.song_row("s000"), served.song_row("s010")]].sum(axis=0)
    cosines = unit @ middle / np.linalg.norm(middle)
    cosines[[served.song_row("s000"), served.song_row("s010"), served.song_row("s003")]] = -1  # withdrawn
    assert [row["song_id"] for row in rows] == served.song_ids[np.argsort(-cosines)[:3]].tolist()
    assert [row["cosine"] for row in rows] == pytest.approx(np.sort(cosines)[::-1][:3], rel=1e-5)
    wanted = {"vector": vectors[7].tolist(), "k": 1}
    (found,) = client.post("/api/v1/similar/vector", json=wanted).json()["rows"]
    assert found["song_id"] == served.song_ids[7]
    assert client.post("/api/v1/similar/vector", json={"vector": [1.0]}).status_code == 422
    huge = {"vector": (vectors[7].astype(float) * 1e200).tolist(), "k": 1}
    assert client.post("/api/v1/similar/vector", json=huge).json()["rows"] == [found]


def test_somebody_gets_the_list_of_a_listener_who_played_just_that(
    client: TestClient, first_release: Repository
) -> None:
    """Folded in as any listener is, and kept nowhere."""
    before = sorted(path for path in first_release.root.rglob("*") if "/uploads" not in str(path))
    chosen = ["s010", str(World().song_ids[UNHEARD[0]])]
    rows = client.post("/api/v1/somebody", json={"songs": chosen, "k": 5}).json()["rows"]
    served = read_served(first_release.root)
    counted = set(served.table("play_counts", "items.parquet")[SONG_ID]) | set(chosen)
    held = np.array([song in counted for song in served.song_ids])
    songs = Placed(served.song_ids[held], served.vectors("item_factors.npy")[held])
    items = songs.vectors.astype(float)
    played = np.isin(songs.ids, chosen)
    c = 1 + 2 * np.log(2.0)  # one play; alpha 2, epsilon 1, lambda 10 in the tiny world
    left = items.T @ items + 10 * np.eye(4) + (c - 1) * items[played].T @ items[played]
    vector = np.linalg.solve(left, c * items[played].sum(axis=0))
    scores = served.vectors("item_factors.npy") @ vector
    scores[[served.song_row(song) for song in (*chosen, "s003")]] = -np.inf
    assert [row["song_id"] for row in rows] == served.song_ids[np.argsort(-scores)[:5]].tolist()
    assert [row["score"] for row in rows] == pytest.approx(np.sort(scores)[::-1][:5], rel=1e-4)
    assert sorted(path for path in first_release.root.rglob("*") if "/uploads" not in str(path)) == before


def test_a_key_of_a_listener_reaches_that_list_and_no_other(client: TestClient, server: Server) -> None:
    key = {"X-Api-Key": server.keys.add("player", "listener", "u007")}
    mine = client.get("/api/v1/recommend?k=3", headers=key).json()["rows"]
    assert mine == client.get("/api/v1/recommend?user=u007&k=3").json()["rows"]
    for path in (
        "recommend?user=u008",
        "recommend?with=u008",
        "listeners?song=s092",
        "users?q=u",
        "releases",
    ):
        assert client.get(f"/api/v1/{path}", headers=key).status_code == 403
    assert client.get("/metrics", headers=key).status_code == 403


def test_figures_name_routes_and_never_what_was_asked(client: TestClient) -> None:
    client.get("/api/v1/recommend?user=u007")
    client.get("/api/v1/recommend/u009secret")
    told = client.get("/metrics").text
    assert 'earshot_answers_total{route="/api/v1/recommend",status="200"}' in told
    assert "earshot_songs 9" in told
    assert "u007" not in told
    assert "u009" not in told


# 422 too: that a vector has a number for each factor, and that somebody is named, is in no schema
ACCEPTED = {"positive_data_acceptance": {"expected-statuses": ["2xx", 401, 403, 404, 422]}}
EXAMPLES = SchemathesisConfig.from_dict({"checks": ACCEPTED})


@pytest.mark.parametrize("examples", [6, pytest.param(200, marks=pytest.mark.soak)])
def test_answers_are_as_the_openapi_document_says(client: TestClient, server: Server, examples: int) -> None:
    """No question that anybody can make up gets a 5xx, or an answer of another shape.

    But for a file: the release of the tiny world hears none, which is a 503, and costs a second each.
    """
    key = {"X-Api-Key": server.keys.add(f"schemathesis {examples}", "operator")}
    document = client.get("/api/v1/openapi.json").json()
    schema = schemathesis.openapi.from_dict(document, config=EXAMPLES)
    asked = []
    for each in schema.get_all_operations():
        operation = each.ok()
        if operation.path == "/api/v1/similar/file":
            continue

        @settings(
            max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck), database=None
        )
        @given(case=operation.as_strategy())
        def holds(case: schemathesis.Case) -> None:
            call = case.as_transport_kwargs(base_url="http://localhost:8000", headers=key)
            call.pop("cookies", None)  # which no operation reads
            response = client.request(**call)
            assert response.status_code < 500, (case, response.text)
            case.validate_response(response)

        holds()
        asked.append(operation.path)
    assert len(asked) >= 9

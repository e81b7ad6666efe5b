"""Reports in a real browser and on the wire: fixed names, and a policy that fits each page alone."""

from __future__ import annotations

import hashlib
import os
import threading
from base64 import b64encode
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from earshot.lanes import onboard
from earshot.pages.charts import lines_chart
from earshot.pages.render import STATIC, render
from earshot.serve.address import ADDRESS, note_address, read_address
from earshot.serve.app import Server, make_server
from earshot.serve.reports import Reports, policy_of
from earshot.serve.safety import POLICY
from tests.chromium import CHROMIUM, started
from tests.serve.serving import serving

PAGE = (
    "<!doctype html><html><head><title>a</title><style>p { color: red }</style></head><body>"
    '<p style="left:12.50%">x</p><p style="left:12.50%">y</p><script src="/static/a.js"></script>'
    "<script>\r\nrun(1 &lt; 2);\n</script></body></html>"
)


def sha256(text: str) -> str:
    return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / ".earshot").mkdir()
    (tmp_path / "data" / "pages").mkdir(parents=True)
    (tmp_path / "dvc.yaml").write_text("stages: {}\n")
    (tmp_path / "secret.html").write_text("secret")
    return tmp_path


@pytest.fixture
def server(root: Path) -> Server:
    return make_server(root)


@pytest.fixture
def client(server: Server) -> TestClient:
    """Without its lifespan: reports need nothing that is served."""
    return TestClient(server.app, "http://localhost:8000", raise_server_exceptions=False)


def test_a_policy_allows_what_stands_in_the_page_and_no_more() -> None:
    script, style, attribute = sha256("\nrun(1 &lt; 2);\n"), sha256("p { color: red }"), sha256("left:12.50%")
    assert policy_of(PAGE) == (
        f"default-src 'none'; script-src 'self' {script}; "
        f"style-src 'self' {style} 'unsafe-hashes' {attribute}; img-src 'self' data:; "
        "media-src 'self' data:; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
    )
    assert "unsafe" not in policy_of("<p>nothing inside</p>")


def test_each_report_has_its_own_policy_and_other_pages_that_of_all(root: Path, client: TestClient) -> None:
    for name, text in (("drift", PAGE), ("warm_up", "<p>plain</p>")):
        (root / "data" / "pages" / f"{name}.html").write_text(text, newline="")
        answer = client.get(f"/reports/pages/{name}.html")
        assert (answer.status_code, answer.text) == (200, text)
        assert answer.headers["content-security-policy"] == policy_of(text)
    assert client.get("/models").headers["content-security-policy"] == POLICY
    # drawn anew: of other bytes, with another policy
    (root / "data" / "pages" / "drift.html").write_text("<script>other()</script>")
    assert sha256("other()") in client.get("/reports/pages/drift.html").headers["content-security-policy"]


NAMES = (
    "../../etc/passwd",
    "..%2f..%2fetc%2fpasswd",
    "%2e%2e/%2e%2e/secret.html",
    "pages/../../../secret.html",
    "pages/..%2f..%2fsecret.html",
    "/etc/passwd",
    "pages/drift.html%00",
    "pages/summary.json",
    "raw_audio/songs.parquet",
)


def test_only_names_of_the_table_are_looked_for(server: Server, root: Path) -> None:
    """As they are on the wire: a client of ours would mend them."""
    (root / "data" / "pages" / "summary.json").write_text("secret")
    with serving(server.app) as asking:
        for name in NAMES:
            asked = asking.build_request("GET", "/reports/")
            asked.url = asked.url.copy_with(raw_path=b"/reports/" + name.encode())
            answer = asking.send(asked)
            assert answer.status_code == 404, name
            assert not any(word in answer.text for word in ("secret", "root:")), name


def test_a_report_that_is_not_there_says_what_draws_it(client: TestClient) -> None:
    answer = client.get("/reports/pages/drift.html")
    assert (answer.status_code, "dvc repro pages" in answer.text) == (404, True)
    assert "<code>earshot onboard</code> draws it" in client.get("/reports/arrivals.html").text
    assert client.get("/models").text.count("Not drawn yet") == 6


def test_reports_of_papers_have_names_as_their_folders(root: Path, client: TestClient) -> None:
    """As data/papers.html links to them."""
    (root / "reproductions" / "some_paper").mkdir(parents=True)
    (root / "reproductions" / "some_paper" / "dvc.yaml").write_text("stages: {}\n")
    for paper in ("some_paper", "no_paper"):
        (root / "data" / paper / "tags").mkdir(parents=True)
        (root / "data" / paper / "tags" / "report.html").write_text("<p>told</p>")
    assert client.get("/reports/some_paper/tags/report.html").text == "<p>told</p>"
    assert client.get("/reports/no_paper/tags/report.html").status_code == 404


def test_an_address_counts_as_long_as_its_process_lives(root: Path) -> None:
    assert read_address(root) is None
    note_address(root, "http://127.0.0.1:8000")
    assert read_address(root) == "http://127.0.0.1:8000"
    text = (root / ADDRESS).read_text()
    gone = os.spawnlp(os.P_WAIT, "true", "true")
    assert gone == 0
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    (root / ADDRESS).write_text(text.replace(str(os.getpid()), str(pid)))
    assert read_address(root) is None
    (root / ADDRESS).write_text("{")
    assert read_address(root) is None


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no chromium")
def test_a_browser_runs_what_a_report_holds_and_says_nothing(root: Path, server: Server) -> None:
    """A chart has style attributes, a foot has a script that loads another."""
    chart = lines_chart({"plays": [(0, 0.5), (2, 0.7)]}, {"plays": "<plays>"}, "plays")
    foot = render("foot.html", output="data/drift", md5s={"data/drift": "0" * 32}, facts=(), model=None)
    page = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>t</title><style>'
        f"{(STATIC / 'page.css').read_text()}</style></head><body><main>{chart}{foot}</main></body></html>"
    )
    (root / "data" / "pages" / "drift.html").write_text(page)
    made = {"data/drift": {"0" * 32: {"commit": "it was looked up"}}}
    (root / "data" / "provenance.js").write_text(f"const provenance = {made!r};".replace("'", '"'))
    with serving(server.app) as asking, started(root / "profile") as driver:
        driver.get(f"{asking.base_url}/reports/pages/drift.html")
        looked_up = "return document.querySelector('[data-fact=commit]').textContent"
        deadline = threading.Event()
        for _ in range(50):
            if driver.execute_script(looked_up) != "unknown":
                break
            deadline.wait(0.1)
        assert driver.execute_script(looked_up) == "it was looked up"
        places = "return [...document.querySelectorAll('.plot .x')].map(e => e.style.left)"
        assert "100%" in driver.execute_script(places)  # empty where the policy did not let it
        assert driver.get_log("browser") == []
        driver.execute_script("document.querySelector('h3, p, li').setAttribute('style', 'left:3%')")
        (refused,) = driver.get_log("browser")
        assert "Content Security Policy" in refused["message"]


def test_the_arrivals_are_where_their_lane_draws_them(root: Path) -> None:
    report = Reports(root).known("arrivals.html")
    assert report is not None
    assert f"data/{report.name}" == onboard.PAGE

"""Health, and the page that documents the API: for whoever runs or calls it, without a token."""

from tests.builders import a_wav
from tests.http.clinic import (
    OLIVIA,
    SOUND,
    check_problem,
    metadata_of,
    open_clinic,
)


async def test_health_needs_no_token_and_shows_details_to_the_operator_only(tmp_path):
    environment = {"THERAPY_OPERATOR_TOKEN": "the operator's token"}
    async with open_clinic(tmp_path, environment=environment) as clinic:
        assert (await clinic.get("/health/live", None)).json() == {"status": "live"}
        assert (await clinic.get("/health/ready", None)).json() == {"status": "ready"}
        assert (await clinic.get("/health/ready", OLIVIA)).json() == {"status": "ready"}
        headers = {"Authorization": "Bearer the operator's token"}
        told = (await clinic.get("/health/ready", None, headers=headers)).json()
        assert set(told["checks"]) == {"stores", "recordings", "doorbell"}
        assert all(took >= 0 for took in told["checks"].values())


async def test_a_doorbell_that_is_away_keeps_nobody_from_working(tmp_path):
    from therapy.domain.errors import Unavailable

    async def away() -> None:
        raise Unavailable

    environment = {"THERAPY_OPERATOR_TOKEN": "the operator's token"}
    async with open_clinic(tmp_path, environment=environment, checks={"doorbell": away}) as clinic:
        headers = {"Authorization": "Bearer the operator's token"}
        told = (await clinic.get("/health/ready", None, headers=headers)).json()
        assert told["status"] == "ready"
        assert told["checks"]["doorbell"] is None


async def test_what_it_stands_on_being_away_is_not_ready_but_live(tmp_path):
    from therapy.domain.errors import Unavailable

    class Away:
        def __getattr__(self, name):
            async def call(*_: object) -> None:
                raise Unavailable

            return call

    checks = {"stores": Away().check}
    async with open_clinic(tmp_path, store=Away(), checks=checks) as clinic:
        answer = await clinic.get("/health/ready", None)
        check_problem(answer, 503, "unavailable")
        assert int(answer.headers["retry-after"]) > 0
        assert (await clinic.get("/health/live", None)).status_code == 200
        check_problem(await clinic.get("/sessions/x"), 503)
        check_problem(await clinic.upload(a_wav(SOUND), metadata_of()), 503)


async def test_the_documentation_needs_no_network_and_no_token(clinic):
    page = await clinic.get("/schema", None)
    assert page.status_code == 200
    assert "http://" not in page.text.replace("http://www.w3.org", "")
    assert "https://" not in page.text.replace("https://recordings.example/", "")  # an example
    for path in [each for each in page.text.split('"') if each.startswith("/schema/files/")]:
        answer = await clinic.get(path, None)
        assert answer.status_code == 200
        # Under nosniff a browser takes neither from any other type.
        kind = "text/css" if path.endswith(".css") else "text/javascript"
        assert answer.headers["content-type"].partition(";")[0] == kind
        assert len(answer.content) > 1_000

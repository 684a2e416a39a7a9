"""The guides for operators: their blocks run, their `az` options and settings exist, nothing is left out."""

import hashlib
import json
import re
import subprocess
from functools import cache
from pathlib import Path

import pytest
from dotenv import dotenv_values

from tests.az_commands import blocks, run, settings_in, spans
from tests.test_config import ACCOUNT, EARLIER
from tests.test_docs import PAGES, ROOT
from therapy.config import read_settings

HOW_TO = ROOT / "docs/how-to"
DEPLOY = HOW_TO / "deploy-azure.md"
IN_ORDER = [
    DEPLOY,
    *(HOW_TO / f"{name}.md" for name in ("azure-first-start", "azure-mail", "azure-network")),
    *(HOW_TO / f"{name}.md" for name in ("operate-azure", "azure-live-day")),
    HOW_TO / "from-the-earlier-guide.md",
]
"""The pages whose blocks belong to one shell, in the order in which a reader comes to them."""

SETTINGS_PAGE = HOW_TO / "azure-settings.md"
TROUBLE = HOW_TO / "azure-troubleshooting.md"
AZURE_PAGES = [*IN_ORDER, SETTINGS_PAGE, TROUBLE]
VAULT = {
    "jwt-secret-key": hashlib.sha256(b"signs").hexdigest(),
    "operator-token": hashlib.sha256(b"operates").hexdigest(),
    "firebase-account": json.dumps(ACCOUNT),
    "smtp-password": "an application's password",
    "cosmos-key": EARLIER["COSMOS_KEY"],
    "storage": EARLIER["AZURE_STORAGE_CONNECTION_STRING"],
    "speech-key": "0" * 32,
    "language-key": "0" * 32,
    "redis-key": "0" * 44,
}
"""What App Service would find in the vault."""

OPTIONS = json.loads((ROOT / "tests/data/az-options.json").read_text())["commands"]
EVERYWHERE = {"-o", "--output", "--query", "--subscription", "--only-show-errors"}
EXTERNAL = ("az redisenterprise", "az communication", "az afd")
"""Extensions of Azure CLI, which are not in its package."""

SERVED_BY = {
    **dict.fromkeys(("stores", "recordings", "speech", "sentiment", "insights"), "azure"),
    "push": "firebase",
    "doorbell": "redis",
}


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> list[list[str]]:
    """Every call of the guide, its blocks run from the first to the last."""
    code = [block for page in IN_ORDER for block in blocks(page)]
    return run(code, tmp_path_factory.mktemp("guide"))


@pytest.fixture(scope="module")
def calls_with_keys(tmp_path_factory: pytest.TempPathFactory) -> list[list[str]]:
    """Every call of who follows the page for keys only, after the guide's names."""
    names = next(block for block in blocks(DEPLOY) if block.startswith("group="))
    return run([names, *blocks(SETTINGS_PAGE)], tmp_path_factory.mktemp("keys"))


def resolved(settings: dict[str, str]) -> dict[str, str]:
    """Return the settings as the program sees them on App Service."""
    reference = re.compile(
        r"@Microsoft\.KeyVault\(SecretUri=https://clinic7vault\.\S+/secrets/(.*)/\)"
    )
    return {
        name: VAULT[found[1]] if (found := reference.fullmatch(text)) else text
        for name, text in settings.items()
    } | {"WEBSITE_INSTANCE_ID": "8f1e"}


def test_blocks_of_shell_are_shell() -> None:
    for block in (block for page in PAGES for block in blocks(page)):
        read = subprocess.run(
            ["bash", "-n"], input=block, capture_output=True, text=True, check=False
        )
        assert read.stderr == "", block


@pytest.mark.parametrize("page", AZURE_PAGES, ids=lambda page: page.stem)
def test_every_block_of_an_azure_page_says_what_it_is(page: Path) -> None:
    fences = re.findall(r"^ *```(\w*)$", page.read_text(), re.MULTILINE)
    assert {*fences[::2]} <= {"bash", "kusto"}
    assert {*fences[1::2]} <= {""}


def test_the_guide_runs_from_its_first_block_to_its_last(calls: list[list[str]]) -> None:
    assert [call for call in calls if call[:3] == ["az", "group", "create"]]
    assert [call for call in calls if call[:2] == ["therapy", "flow"]]
    assert calls[-1][:3] == ["az", "webapp", "config"]


def test_the_settings_of_the_guide_are_those_of_a_whole_installation(
    calls: list[list[str]],
) -> None:
    identity = {"IDENTITY_ENDPOINT": "http://169.254.131.2:8081/msi/token"}
    settings = read_settings(resolved(settings_in(calls)) | identity)
    assert {field: getattr(settings, field) for field in SERVED_BY} == SERVED_BY
    assert settings.mail == "smtp"
    assert settings.trusted_proxies
    keys = ("cosmos_key", "storage_connection", "speech_key", "language_key", "redis_password")
    assert [key for key in keys if getattr(settings, key)] == []


def test_with_only_keys_nothing_needs_an_identity(calls_with_keys: list[list[str]]) -> None:
    settings = read_settings(resolved(settings_in(calls_with_keys)))
    assert {field: getattr(settings, field) for field in SERVED_BY} == SERVED_BY
    keys = ("cosmos_key", "storage_connection", "speech_key", "language_key", "redis_password")
    assert [key for key in keys if not getattr(settings, key)] == []
    assert [call for call in calls_with_keys if "role" in call] == []


def test_where_speech_is_does_not_depend_on_where_the_data_is(tmp_path: Path) -> None:
    names, *code = blocks(DEPLOY)
    israel = names.replace(" region=westeurope", " region=israelcentral")
    assert israel != names
    made = [call for call in run([israel, *code], tmp_path) if "create" in call and "-l" in call]
    places = [(call[1], call[call.index("-l") + 1]) for call in made]
    assert {place for what, place in places if what == "cognitiveservices"} == {"westeurope"}
    assert {place for what, place in places if what != "cognitiveservices"} == {"israelcentral"}
    assert {"cognitiveservices", "storage", "keyvault", "appservice"} <= {
        what for what, _ in places
    }


def test_az_has_the_commands_and_options_of_the_guide(
    calls: list[list[str]], calls_with_keys: list[list[str]]
) -> None:
    said = [call for call in (*calls, *calls_with_keys) if call[0] == "az"]
    said += [call for page in AZURE_PAGES for call in spans(page.read_text())]
    assert {fault for call in said for fault in faults(call)} == set()


def faults(call: list[str]) -> list[str]:
    """Return what Azure CLI would refuse of a call: its command, or options."""
    words = [*dict.fromkeys(" ".join(call[:end]) for end in range(len(call), 1, -1))]
    command = next((each for each in words if each in OPTIONS), "")
    if not command:
        group = " ".join(each for each in call if not each.startswith("-"))
        known = any(each.startswith(group) for each in OPTIONS)
        return [] if known else [" ".join(call[:5])]
    given = {each.partition("=")[0] for each in call if re.match(r"--?[a-z]", each)}
    return [f"{command} {option}" for option in given - EVERYWHERE - {*OPTIONS[command]}]


def test_the_extensions_that_the_blocks_need_are_added_before(calls: list[list[str]]) -> None:
    needed = {call[1] for call in calls if " ".join(call[:2]) in EXTERNAL}
    added = {call[-1] for call in spans(DEPLOY.read_text()) if call[1:3] == ["extension", "add"]}
    assert needed == added == {"redisenterprise", "communication"}


def test_what_was_not_compared_with_azure_cli_is_an_extension() -> None:
    origin = json.loads((ROOT / "tests/data/az-options.json").read_text())["by_hand"]
    assert [each for each in origin if not each.startswith(EXTERNAL)] == []


def test_the_earlier_web_app_starts_with_what_the_shortest_way_adds(
    tmp_path: Path,
) -> None:
    names = next(block for block in blocks(DEPLOY) if block.startswith("group="))
    way = next(block for block in blocks(IN_ORDER[-1]) if "appsettings" in block)
    added = settings_in(run([names, way], tmp_path))
    settings = read_settings(EARLIER | added)
    assert settings.drain.total_seconds() < int(added["WEBSITES_CONTAINER_STOP_TIME_LIMIT"])


def test_settings_that_the_page_writes_to_a_file_are_those_of_the_web_app(tmp_path: Path) -> None:
    listed = [{"name": name, "value": text} for name, text in EARLIER.items()]
    (tmp_path / "listed.json").write_text(json.dumps(listed))
    code = next(block for block in blocks(IN_ORDER[-1]) if "> .env" in block)
    bash = ["bash", "-euc", f"group=g app=a; az() {{ cat listed.json; }}; {code}"]
    subprocess.run(bash, cwd=tmp_path, check=True)
    assert dotenv_values(tmp_path / ".env") == EARLIER


def test_every_setting_of_the_earlier_guide_is_mapped() -> None:
    page = (HOW_TO / "from-the-earlier-guide.md").read_text()
    rows = re.findall(r"^\| (`[A-Z_]+`(?:, `[A-Z_]+`)*) \|", page, re.MULTILINE)
    mapped = {name for row in rows for name in re.findall(r"[A-Z_]{4,}", row)}
    assert EARLIER.keys() - {"WEBSITE_INSTANCE_ID"} - mapped == set()


OF_OTHERS = {"ImagePullFailure", "reason=forbidden status=403"}
"""What App Service says; and two fields of a line of ours."""


def test_what_a_reader_is_told_to_look_for_is_what_the_program_says() -> None:
    modules = (ROOT / "src").rglob("*.py")
    said = re.sub(r'"\s*\n\s*f?"', "", "\n".join(each.read_text() for each in modules))
    seen = re.findall(r"^\| (.*?) \|", TROUBLE.read_text(), re.MULTILINE)
    signs = {sign for cell in seen for sign in re.findall(r"`([^`]+)`", cell)}
    assert {sign for sign in signs - OF_OTHERS if sign not in said} == set()


def test_every_page_is_in_the_index() -> None:
    index = ROOT / "docs/index.md"
    links = re.findall(r"\]\(([^)#]+)", index.read_text())
    listed = {(index.parent / link).resolve() for link in links}
    pages = {page for page in PAGES if page.is_relative_to(ROOT / "docs") and page != index}
    assert {page.name for page in pages - listed if page.parent.name != "adr"} == set()


def test_links_lead_to_headings_that_exist() -> None:
    for page in PAGES:
        links = re.findall(r"\]\((?!https?:)([^)#]*\.md)?#([^)]+)\)", page.read_text())
        assert [
            f"{path}#{anchor}"
            for path, anchor in links
            if anchor not in anchors(page.parent / path if path else page)
        ] == [], page


@cache
def anchors(page: Path) -> set[str]:
    """Return the names by which a page's headings can be linked to."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_no_page_is_longer_than_a_reader_finds_things_in() -> None:
    for page in (ROOT / "docs").rglob("*.md"):
        text = page.read_text()
        assert len(text.splitlines()) <= 400 or "do not edit" in text, page

"""Signing in to Azure Speech with an identity's tokens: in the form that each address takes, renewed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from azure.core.credentials import AccessToken
from azure.core.exceptions import AzureError
from azure.identity import CredentialUnavailableError

from tests.azure.speech_fakes import SECOND, an_access, heard, lines, phrases, said, seconds, until
from tests.emulators.faults import Fault
from tests.emulators.speech import FakeSpeech
from therapy.adapters.azure.speech.connection import SCOPE, Deadlines, SpeechAccess, TokensOfLoop
from therapy.adapters.azure.speech.engine import AzureSpeech, Engine
from therapy.domain.errors import EngineFailed, ErrorClass
from therapy.ports.audio import BYTES_PER_MS

RESOURCE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.CognitiveServices/accounts/a"


class Identity:
    """An identity of Azure that gives a new token each time, valid for `seconds`."""

    def __init__(self, seconds: float = 3_600.0) -> None:
        self.given = 0
        self.seconds = seconds

    async def get_token(self, *scopes: str, **_: object) -> AccessToken:
        assert scopes == ("https://cognitiveservices.azure.com/.default",)
        self.given += 1
        return AccessToken(f"token-{self.given}", int(time.time() + self.seconds))


class NoIdentity:
    async def get_token(self, *_: str, **__: object) -> AccessToken:
        raise CredentialUnavailableError("no identity on this machine")


def at_its_own_domain(fake: FakeSpeech, identity: object) -> SpeechAccess:
    address = {"host": "", "endpoint": fake.host}
    return replace(an_access(fake), key="", credential=identity, resource_id=RESOURCE, **address)


def sent(fake: FakeSpeech) -> list[str]:
    return [call["authorization"] for call in fake.calls]


@pytest.mark.slow
async def test_the_conversation_engine_is_let_in_at_the_resources_own_domain(
    fake_speech: FakeSpeech,
) -> None:
    fake_speech.phrases = phrases(2)
    access = at_its_own_domain(fake_speech, Identity())
    events = await heard(AzureSpeech(access, engine=Engine.CONVERSATION), seconds(8))
    assert lines(events) == said(fake_speech.phrases)
    assert [each.startswith("Bearer token-") for each in sent(fake_speech)] == [True]


@pytest.mark.slow
async def test_a_connection_in_the_middle_of_a_recording_is_made_with_a_token_that_is_still_valid(
    fake_speech: FakeSpeech,
) -> None:
    fake_speech.phrases = phrases(10)
    fake_speech.add(Fault(on="stream", kind="reset", seconds=10))
    identity = Identity(seconds=8)
    access = at_its_own_domain(fake_speech, identity)

    async def until_the_token_is_renewed() -> AsyncIterator[bytes]:
        yield bytes(9 * SECOND)
        await until(lambda: bool(fake_speech.calls))
        used = identity.given
        await until(lambda: identity.given > used)
        fake_speech.expired = {f"token-{number + 1}" for number in range(used)}
        yield bytes(21 * SECOND)

    patient = Deadlines(talking=60.0)
    speech = AzureSpeech(access, engine=Engine.CONVERSATION, deadlines=patient)
    events = await heard(speech, until_the_token_is_renewed())
    assert lines(events) == said(fake_speech.phrases)
    assert len(sent(fake_speech)) == len(set(sent(fake_speech))) == 2


async def test_at_a_regions_address_the_token_names_the_resource() -> None:
    access = SpeechAccess(region="westeurope", credential=Identity(), resource_id=RESOURCE)
    assert not access.by_token
    assert await access.authorization() == f"aad#{RESOURCE}#token-1"


async def test_without_an_identity_the_session_fails_for_good_and_costs_nothing(
    fake_speech: FakeSpeech,
) -> None:
    access = at_its_own_domain(fake_speech, NoIdentity())
    with pytest.raises(EngineFailed) as failed:
        await heard(AzureSpeech(access, engine=Engine.CONVERSATION), seconds(2))
    assert failed.value.error_class is ErrorClass.PERMANENT
    assert failed.value.uncharged
    assert fake_speech.upgrades == 0


async def test_the_speech_sdk_learns_that_there_is_no_token_but_not_why() -> None:
    tokens = TokensOfLoop(NoIdentity())
    with pytest.raises(AzureError, match=r"^CredentialUnavailableError$"):
        await asyncio.to_thread(tokens.get_token, SCOPE)


def test_a_token_asked_for_after_the_end_of_the_event_loop_is_refused_not_waited_for() -> None:
    async def made() -> TokensOfLoop:
        return TokensOfLoop(Identity())

    tokens = asyncio.run(made())
    with pytest.raises(AzureError, match=r"^closed$"):
        tokens.get_token(SCOPE)


@pytest.mark.slow
async def test_a_regions_token_is_renewed_by_us(fake_speech: FakeSpeech) -> None:
    fake_speech.phrases = phrases(10)
    fake_speech.add(Fault(on="stream", kind="reset", seconds=10))
    identity = Identity()
    # The address of a region, which the fake is by its path, with the token that is documented for one.
    access = replace(an_access(fake_speech), key="", credential=identity, resource_id=RESOURCE)
    speech = AzureSpeech(access, engine=Engine.CONVERSATION, deadlines=Deadlines(renewal=0.05))
    events = await heard(speech, seconds(30, chunk=100 * BYTES_PER_MS))
    assert lines(events) == said(fake_speech.phrases)
    assert identity.given > 1

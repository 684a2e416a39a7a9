"""Recordings as block blobs `practice/<practice>/<key>`: nothing is copied, nothing is visible too early.

A block is sent as an uncommitted block of the blob named like the upload. The workflow keeps a recording
under that very name, so keeping it is one commit, however long it is. To keep it under another key, the blob
is committed hidden (metadata `passing`) and copied by the server.

Beside it, `staging/<practice>/<upload>` is a journal: an append blob with one line per block. It provides
what the blocks alone can't: its Last-Modified says when the last block came (Azure lists no time for a blob
that is not committed), its order says which of two blocks with the same number is newer, and the SHA-256s in
the block ids make up the recording's, which goes into its metadata. The journal is deleted last, so
`staged_before` finds whatever a crash leaves behind; without a journal, Azure drops uncommitted blocks after
a week. Of an upload of which no number is staged twice only block 0 has a line, for `staged_before`: a line
costs a request and, over the emulator, a tenth of the time of its block. Whoever keeps it knows its hashes,
so that nothing is read for it. If versioning or soft delete is on in the account, deleted recordings stay
there as long as they say.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

from azure.core import MatchConditions
from azure.core.credentials_async import AsyncTokenCredential
from azure.core.exceptions import HttpResponseError, ResourceExistsError
from azure.storage.blob import BlobProperties, BlockState
from azure.storage.blob.aio import BlobClient, BlobServiceClient, ExponentialRetry

from therapy.adapters.azure.blob.account_features import unsuitable_features
from therapy.adapters.azure.blob.block_list import (
    block_id,
    blocks_of,
    hash_in,
    latest,
    newest,
    note,
    note_once,
    noted,
    properties,
    put,
    remove,
)
from therapy.adapters.azure.blob.errors import blob_errors, code_of, exists, unless_it_exists
from therapy.adapters.azure.blob.playback_links import PlaybackLinks
from therapy.adapters.azure.credentials import machine_identity
from therapy.adapters.azure.transport import KeepAliveTransport
from therapy.adapters.keep_alive import KEEP_ALIVE_SECONDS
from therapy.domain.errors import AlreadyExists, InvalidInput, NotFound, Unavailable
from therapy.domain.upload import BLOCK_SIZE, block_hash, content_hash
from therapy.ports.recordings import Recordings, check_names, names_fit

KEPT = "practice/"
JOURNALS = "staging/"
PASSING = "passing"
"""Metadata of a blob that is committed but not a recording (yet, or any more)."""

RECEIVED_AT_ONCE = 1 << 18
"""Bytes that the SDK takes from a connection in one step; its own 4,096 are a step for each packet."""

COPY_LINK = timedelta(minutes=15)
COPY_LOOKS = 300
COPY_PAUSE = 0.2
"""Seconds between checks; a copy within one account is usually done at the first one."""


def _now() -> datetime:
    return datetime.now(UTC)


class BlobRecordings(Recordings):
    """Stores recordings in one container. It has at most a few blocks (MB) in memory at a time."""

    def __init__(
        self, store: BlobServiceClient, container: str, now: Callable[[], datetime] = _now
    ) -> None:
        self._store, self._container = store, store.get_container_client(container)
        self._links = PlaybackLinks(store, now)

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        container: str,
        *,
        connection_string: str = "",
        account_name: str = "",
        account_key: str = "",
        credential: AsyncTokenCredential | None = None,
        endpoint: str = "",
        make: bool = True,
        keep_alive: float = KEEP_ALIVE_SECONDS,
        **options: Any,
    ) -> AsyncIterator["BlobRecordings"]:
        """Yield the recordings in a container, opened by connection string, else by account name with a
        credential or key, else with the machine's identity. With `make`, a missing container is created.

        Raises:
            Unavailable: the store can't be reached, or refuses us.
        """
        # The SDK's own pauses begin at 15 s; a phone waits for 10 s.
        retry = ExponentialRetry(
            initial_backoff=1, increment_base=2, retry_total=2, random_jitter_range=1
        )
        settings: dict[str, Any] = {
            "retry_policy": retry,
            "read_timeout": 20,
            "max_single_get_size": 2 * BLOCK_SIZE,
            "max_chunk_get_size": 2 * BLOCK_SIZE,
            "connection_data_block_size": RECEIVED_AT_ONCE,
        } | options
        settings.setdefault("transport", KeepAliveTransport(keep_alive, **settings))
        async with AsyncExitStack() as stack:
            if connection_string:
                store = BlobServiceClient.from_connection_string(connection_string, **settings)
            else:
                proof: Any = credential or account_key
                if not proof:
                    proof = await stack.enter_async_context(machine_identity())
                elif account_key and not credential:
                    proof = {"account_name": account_name, "account_key": account_key}
                url = endpoint or f"https://{account_name}.blob.core.windows.net"
                store = BlobServiceClient(url, credential=proof, **settings)
            await stack.enter_async_context(store)
            recordings = cls(store, container)
            if make:
                await recordings.prepare()
            yield recordings

    async def prepare(self) -> None:
        """Create the container unless it exists: some roles may read and write in one, but not create it."""
        with blob_errors():
            if not await self._container.exists():
                with unless_it_exists():
                    await self._container.create_container()

    async def check(self) -> None:
        """Raise Unavailable if the container can't be reached."""
        with blob_errors():
            if not await self._container.exists():
                raise Unavailable(reason="ContainerNotFound")

    async def examine(self) -> tuple[str, ...]:
        """Return features of the account because of which erased recordings stay, see `SupportsExamine`."""
        with blob_errors():
            return tuple(await unsuitable_features(self._store, self._container))

    async def stage(self, practice_id: str, upload_id: str, number: int, block: bytes) -> bytes:
        _check_block(practice_id, upload_id, number, block)
        digest = await asyncio.to_thread(block_hash, block)
        name = block_id(number, digest)
        with blob_errors():
            await note(self._journal(practice_id, upload_id), name)
            await self._send(practice_id, upload_id, name, block)
        return digest

    async def stage_once(
        self, practice_id: str, upload_id: str, number: int, block: bytes, digest: bytes
    ) -> None:
        """Stage a block of an upload whose numbers are each staged once, see `SupportsStagingOnce`."""
        _check_block(practice_id, upload_id, number, block)
        name = block_id(number, digest)
        sending = self._send(practice_id, upload_id, name, block)
        with blob_errors():
            if number == 0:
                # Both end before this does: nothing may be stored behind what is thrown away then.
                ended = await asyncio.gather(
                    note_once(self._journal(practice_id, upload_id), name),
                    sending,
                    return_exceptions=True,
                )
                for each in ended:
                    if isinstance(each, BaseException):
                        raise each
            else:
                await sending

    async def _send(self, practice_id: str, upload_id: str, name: str, block: bytes) -> None:
        # A stream is sent in small writes; bytes would block the event loop meanwhile.
        blob = self._blob(practice_id, upload_id)
        await blob.stage_block(name, BytesIO(block), length=len(block))

    async def staged(self, practice_id: str, upload_id: str, number: int) -> bytes:
        if not names_fit(practice_id, upload_id):
            raise NotFound(upload=upload_id)
        blob = self._blob(practice_id, upload_id)
        with blob_errors():
            names, sizes = await self._newest(practice_id, upload_id)
            there = await properties(blob)
            if number not in names or (there is not None and PASSING not in there.metadata):
                raise NotFound(upload=upload_id)
            # Only what is committed can be read: commit everything, hidden; it can be kept after that, too.
            await put(blob, list(names.values()), {"upload": upload_id, PASSING: "staged"}, there)
            start = sum(sizes[name] for place, name in names.items() if place < number)
            found = await blob.download_blob(offset=start, length=sizes[names[number]])
            return await found.readall()

    async def _newest(
        self, practice_id: str, upload_id: str
    ) -> tuple[dict[int, str], dict[str, int]]:
        """Return the ids of an upload's blocks by number, in order, and the size of each."""
        lines = await noted(self._journal(practice_id, upload_id))
        committed, uncommitted = await blocks_of(self._blob(practice_id, upload_id))
        sizes = {each.id: each.size for each in (*committed, *uncommitted)}
        return latest(lines, sizes), sizes

    async def keep(self, practice_id: str, upload_id: str, blocks: int, key: str) -> int:
        check_names(practice_id, upload_id, key)
        journal = self._journal(practice_id, upload_id)
        with blob_errors():
            lines, (committed, uncommitted) = await asyncio.gather(
                noted(journal), blocks_of(self._blob(practice_id, upload_id))
            )
            sizes = {each.id: each.size for each in (*committed, *uncommitted)}
            if lines and sizes:
                chosen = newest(lines, sizes, blocks)
                if not chosen:
                    raise NotFound(upload=upload_id)
                await self._commit(practice_id, upload_id, chosen, key)
                size = sum(sizes[name] for name in chosen)
            else:
                size = int((await self._kept_before(practice_id, upload_id, key)).size)
            await remove(journal)
            return size

    async def keep_once(
        self, practice_id: str, upload_id: str, hashes: Sequence[bytes], key: str
    ) -> None:
        """Keep an upload whose numbers are each staged once, see `SupportsStagingOnce`."""
        check_names(practice_id, upload_id, key)
        if not hashes:
            raise NotFound(upload=upload_id)
        names = [block_id(number, digest) for number, digest in enumerate(hashes)]
        with blob_errors():
            try:
                await self._commit(practice_id, upload_id, names, key)
            except HttpResponseError as exc:
                if code_of(exc) != "InvalidBlockList":
                    raise
                await self._kept_before(practice_id, upload_id, key)
            await remove(self._journal(practice_id, upload_id))

    async def _kept_before(self, practice_id: str, upload_id: str, key: str) -> BlobProperties:
        """Return the properties of a recording that this upload has become; NotFound if there is none."""
        there = _recording(await properties(self._blob(practice_id, key)))
        if there is None or there.metadata.get("upload") != upload_id:
            raise NotFound(upload=upload_id)
        return there

    async def discard(self, practice_id: str, upload_id: str) -> None:
        if not names_fit(practice_id, upload_id):
            return
        blob = self._blob(practice_id, upload_id)
        with blob_errors():
            committed, uncommitted = await blocks_of(blob)
            there = await properties(blob)
            if there is None and uncommitted:
                # Azure can't delete a blob that isn't committed: commit it, empty and hidden.
                await put(blob, (), {PASSING: "discarded"}, None)
                there = await properties(blob)
            if there is not None and PASSING in there.metadata:
                await remove(blob, there)
            elif there is not None and uncommitted:  # it was kept before, and is not changed
                names = [each.id for each in committed]
                await put(blob, names, there.metadata, there, state=BlockState.COMMITTED)
            await remove(self._journal(practice_id, upload_id))

    async def size(self, practice_id: str, key: str) -> int:
        return int((await self._look(practice_id, key)).size)

    async def read(self, practice_id: str, key: str, start: int, end: int) -> bytes:
        start = max(0, start)
        if end <= start or not names_fit(practice_id, key=key):
            await self._look(practice_id, key)
            return b""
        blob = self._blob(practice_id, key)
        with blob_errors():
            try:
                found = await blob.download_blob(offset=start, length=end - start)
            except HttpResponseError as exc:
                if code_of(exc) != "InvalidRange":
                    raise
                await self._look(practice_id, key)
                return b""
            if _recording(found.properties) is None:
                raise NotFound(recording=key)
            # `readall` would copy all of it twice more. What is at most two blocks is one piece, not copied.
            return b"".join([piece async for piece in found.chunks()])

    async def delete(self, practice_id: str, key: str) -> None:
        if names_fit(practice_id, key=key):
            blob = self._blob(practice_id, key)
            with blob_errors():
                there = await properties(blob)
                if (
                    there is not None
                ):  # uncommitted blocks under that name are an upload, not a recording
                    await remove(blob, there)

    async def staged_before(self, moment: datetime, limit: int) -> tuple[tuple[str, str], ...]:
        found: list[tuple[str, str]] = []
        if limit < 1:
            return ()
        with blob_errors():
            async for journal in self._container.list_blobs(name_starts_with=JOURNALS):
                if journal.last_modified < moment:
                    practice_id, _, upload_id = journal.name.removeprefix(JOURNALS).partition("/")
                    found.append((practice_id, upload_id))
                if len(found) == limit:
                    break
        return tuple(found)

    async def kept(self) -> AsyncIterator[tuple[str, str]]:
        """Yield every recording, see `SupportsListing`."""
        with blob_errors():
            async for blob in self._container.list_blobs(name_starts_with=KEPT):
                practice_id, _, key = blob.name.removeprefix(KEPT).partition("/")
                yield practice_id, key

    async def playback_link(
        self, practice_id: str, key: str, lifetime: timedelta, media_type: str
    ) -> str:
        """Return a link that plays a recording, see `SupportsPlaybackLink`."""
        await self._look(practice_id, key)
        with blob_errors():
            return await self._links.link(self._blob(practice_id, key), lifetime, media_type)

    async def _look(self, practice_id: str, key: str) -> BlobProperties:
        if not names_fit(practice_id, key=key):
            raise NotFound(recording=key)
        with blob_errors():
            there = _recording(await properties(self._blob(practice_id, key)))
        if there is None:
            raise NotFound(recording=key)
        return there

    async def _commit(
        self, practice_id: str, upload_id: str, chosen: Sequence[str], key: str
    ) -> None:
        """Commit an upload's blocks as the recording `key`."""
        blob = self._blob(practice_id, upload_id)
        metadata = {"upload": upload_id, "sha256": content_hash(map(hash_in, chosen))}
        passing = {} if key == upload_id else {PASSING: key}
        try:
            await put(blob, chosen, metadata | passing, None)
        except ResourceExistsError as exc:  # kept before, or by another process at the same time
            if not exists(exc):
                raise
            there = await properties(blob)
            if there is None or there.metadata.get("upload") != upload_id:
                raise AlreadyExists(recording=upload_id) from None
            await put(blob, chosen, metadata | passing, there)
        if passing:
            await self._move(blob, self._blob(practice_id, key), metadata)

    async def _move(self, source: BlobClient, kept: BlobClient, metadata: dict[str, str]) -> None:
        link = await self._links.link(source, COPY_LINK)
        try:
            await kept.start_copy_from_url(
                link, metadata=metadata, match_condition=MatchConditions.IfMissing
            )
        except ResourceExistsError as exc:
            if not exists(exc):
                raise
            there = await properties(kept)
            if there is None or there.metadata.get("upload") != metadata["upload"]:
                raise AlreadyExists(recording=kept.blob_name) from None
        for _ in range(COPY_LOOKS):
            if _recording(await properties(kept)) is not None:
                break
            await asyncio.sleep(COPY_PAUSE)
        else:
            raise Unavailable(reason="copy")
        await remove(source, await properties(source))

    def _blob(self, practice_id: str, name: str) -> BlobClient:
        return self._container.get_blob_client(f"practice/{practice_id}/{name}")

    def _journal(self, practice_id: str, upload_id: str) -> BlobClient:
        return self._container.get_blob_client(f"{JOURNALS}{practice_id}/{upload_id}")


def _check_block(practice_id: str, upload_id: str, number: int, block: bytes) -> None:
    check_names(practice_id, upload_id)
    if number < 0 or len(block) > BLOCK_SIZE:
        raise InvalidInput("block")


def _recording(there: BlobProperties | None) -> BlobProperties | None:
    """Return the properties if the blob is a recording, i.e. committed, complete and not hidden."""
    if there is None or PASSING in there.metadata or there.copy.status == "pending":
        return None
    return there

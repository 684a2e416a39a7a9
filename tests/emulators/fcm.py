"""Firebase Cloud Messaging (HTTP v1) and the token endpoint of its service accounts.

`results` scripts what a device's token answers with: an errorCode of RESULTS, or a list of them, used up
one by one ("OK" is a success). A fault of kind `status` answers with the code that goes with its status.
Every device is of `project`: the key of another one (`account_of`) is refused for each, as FCM does it.
`may_send` False is an account without cloudmessaging.messages.create.
`messages` is all that was accepted, in order; `calls` is every attempt. firebase-admin has no setting for
the address: messaging._MessagingService.FCM_URL is what an adapter must point to `send_url`.
"""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import jwt
from aiohttp import web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.emulators.fakes import Fake
from tests.emulators.faults import Fault

# errorCode -> HTTP status and google.rpc.Code, as the FCM v1 reference lists them.
RESULTS = {
    "UNREGISTERED": (404, "NOT_FOUND"),
    "SENDER_ID_MISMATCH": (403, "PERMISSION_DENIED"),
    "QUOTA_EXCEEDED": (429, "RESOURCE_EXHAUSTED"),
    "UNAVAILABLE": (503, "UNAVAILABLE"),
    "INTERNAL": (500, "INTERNAL"),
    "INVALID_ARGUMENT": (400, "INVALID_ARGUMENT"),
    "THIRD_PARTY_AUTH_ERROR": (401, "UNAUTHENTICATED"),
}
CODES = {status: code for code, (status, _) in RESULTS.items()}
SITE = Path(__file__).with_name("site")
DETAIL = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
TOKEN = "ya29.emulated."
"""What an access token begins with; the account's project follows."""


class FakeFcm(Fake):
    """`Fault("*messages:send", status=503)` for sending, `Fault("/token", status=401)` for signing in."""

    def __init__(self, port: int = 0, project: str = "therapy-emulated") -> None:
        super().__init__(port)
        self.project = project
        self.may_send = True
        self.results: dict[str, str | list[str]] = {}
        self.messages: list[dict[str, Any]] = []
        self._numbers = itertools.count(1)
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    @property
    def send_url(self) -> str:
        """With {0} for the project, as firebase-admin's own constant has it."""
        return self.url + "/v1/projects/{0}/messages:send"

    @property
    def account(self) -> dict[str, str]:
        """The service account of the devices' project."""
        return self.account_of(self.project)

    def account_of(self, project: str) -> dict[str, str]:
        """A project's service account as its JSON says it, with a key made for this run."""
        key = self._key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        mail = f"firebase-adminsdk@{project}.iam.gserviceaccount.com"
        return {
            "type": "service_account",
            "project_id": project,
            "private_key_id": "emulated",
            "private_key": key.decode(),
            "client_email": mail,
            "client_id": "1",
            "token_uri": f"{self.url}/token",
        }

    def write_account(self, path: Path) -> Path:
        """The service account as a file, for GOOGLE_APPLICATION_CREDENTIALS."""
        path.touch(mode=0o600)
        path.write_text(json.dumps(self.account), encoding="utf-8")
        return path

    def settings(self) -> dict[str, str]:
        return {
            "FIREBASE_PROJECT_ID": self.project,
            "FIREBASE_SERVICE_ACCOUNT_JSON_CONTENT": json.dumps(self.account),
            "FCM_STAND_IN": self.url,
            "PYTHONPATH": str(SITE),
        }

    def clear(self) -> None:
        super().clear()
        self.results = {}
        self.may_send = True
        self.messages.clear()

    def seen(self) -> dict[str, Any]:
        return {"messages": list(self.messages), "calls": list(self.calls)}

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/token", self._token),
            web.post("/v1/projects/{project}/messages:send", self._send),
        ]

    def refusal(self, status: int, code: str = "", message: str = "") -> web.Response:
        code = code or CODES.get(status, "")
        name = RESULTS[code][1] if code in RESULTS else "UNKNOWN"
        error: dict[str, Any] = {"code": status, "message": message or code, "status": name}
        if code in RESULTS:
            error["details"] = [{"@type": DETAIL, "errorCode": code}]
        return web.json_response({"error": error}, status=status)

    def refused_by(self, fault: Fault, request: web.Request) -> web.Response:
        if request.path != "/token":
            return super().refused_by(fault, request)
        error = {"error": "invalid_client", "error_description": fault.message}  # OAuth's own form
        return web.json_response(error, status=fault.status, headers=fault.headers)

    async def _token(self, request: web.Request) -> web.Response:
        form = await request.post()
        self.calls.append({"path": "/token"})
        try:
            claims = jwt.decode(
                str(form["assertion"]),
                self._key.public_key(),
                algorithms=["RS256"],
                options={"verify_aud": False},  # it stays Google's own, whatever token_uri says
            )
        except (KeyError, jwt.PyJWTError) as exc:
            refused = {"error": "invalid_grant", "error_description": f"Invalid JWT: {exc}"}
            return web.json_response(refused, status=400)
        project = str(claims["iss"]).partition("@")[2].partition(".")[0]
        token = {"access_token": TOKEN + project, "expires_in": 3600, "token_type": "Bearer"}
        return web.json_response(token)

    async def _send(self, request: web.Request) -> web.Response:
        body = await request.json()
        message = body["message"]
        device = message.get("token") or message.get("fid") or ""
        result = self._result(device)
        self.calls.append({"path": request.path, "device": device, "result": result})
        signed_in = request.headers.get("Authorization", "").removeprefix(f"Bearer {TOKEN}")
        project = request.match_info["project"]
        if signed_in.startswith("Bearer") or not signed_in:
            return self.refusal(401, message="Request had invalid authentication credentials.")
        if signed_in != project or not self.may_send:
            return self._denied(project)
        if project != self.project:
            return self.refusal(403, "SENDER_ID_MISMATCH")
        if any(not isinstance(value, str) for value in message.get("data", {}).values()):
            return self.refusal(400, "INVALID_ARGUMENT", "Invalid value at 'message.data'")
        if result != "OK":
            return self.refusal(RESULTS[result][0], result)
        name = f"projects/{self.project}/messages/{next(self._numbers)}"
        if not body.get("validate_only"):
            self.messages.append({"name": name, "device": device, **message})
        return web.json_response({"name": name})

    def _denied(self, project: str) -> web.Response:
        """The answer to an account that may not send: nothing in it is FCM's own."""
        message = (
            "Permission 'cloudmessaging.messages.create' denied on resource"
            f" '//cloudresourcemanager.googleapis.com/projects/{project}' (or it may not exist)."
        )
        error = {"code": 403, "message": message, "status": "PERMISSION_DENIED"}
        return web.json_response({"error": error}, status=403)

    def _result(self, device: str) -> str:
        scripted = self.results.get(device, "OK")
        if isinstance(scripted, str):
            return scripted
        return scripted.pop(0) if scripted else "OK"

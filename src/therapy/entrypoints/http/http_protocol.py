"""uvicorn's HTTP protocol, whose answer to what is no HTTP at all is a problem like any other."""

import json

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from therapy.domain.messages import advice, sentence

CODE = "malformed_request"


class PlainProtocol(HttpToolsProtocol):
    """Refuses e.g. an unknown method before there is a request that an application could see."""

    def send_400_response(self, msg: str) -> None:
        """Answer and close; `msg` is uvicorn's, in its own words."""
        del msg
        error = sentence(CODE, "en")
        body = {
            "type": f"urn:therapy:problem:{CODE}",
            "title": "Bad Request",
            "status": 400,
            "detail": advice(CODE, "en") or error,
            "error": error,
            "code": CODE,
        }
        content = json.dumps(body).encode()
        head = (
            "HTTP/1.1 400 Bad Request\r\n"
            "content-type: application/problem+json\r\n"
            f"content-length: {len(content)}\r\n"
            "cache-control: no-store\r\n"
            "connection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + content)
        self.transport.close()

"""What Schemathesis does not know of itself: a piece of an upload is sent as its bytes."""

import schemathesis

schemathesis.serializer.alias("application/offset+octet-stream", "application/octet-stream")

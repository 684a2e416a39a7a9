"""Therapy sessions: recordings in; who said what, and how it felt, out; reviewed by the therapist.

`import therapy` loads nothing else. `therapy.domain` is pure (msgspec and the standard library),
`therapy.ports` says what the outside must be able to do, `therapy.workflows` does what people ask for,
`therapy.adapters.memory` is a complete outside for tests; everything else needs an extra.
"""

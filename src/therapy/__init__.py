"""Therapy sessions: a recording goes in, who said what and how it felt comes out, a person reviews it.

`import therapy` loads nothing else. `therapy.domain` is pure (msgspec and the standard library),
`therapy.ports` says what the outside must be able to do, `therapy.workflows` does what people ask for,
`therapy.adapters.memory` is a complete outside for tests; everything else needs an extra.
"""

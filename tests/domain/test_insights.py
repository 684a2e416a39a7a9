"""Which key phrases come first, and what is said when nothing can be found."""

from therapy.domain.insights import MAX_KEY_PHRASES, Gap, Part, most_telling, nothing_but


def test_what_is_found_most_often_comes_first_and_else_what_is_found_first() -> None:
    assert most_telling(["work", "sleep", "Sleep", "home"]) == ("sleep", "work", "home")


def test_a_phrase_is_spelled_as_it_was_found_first() -> None:
    assert most_telling(["Ada", "ADA", "שינה", "שינה"]) == ("Ada", "שינה")


def test_phrases_are_not_too_many() -> None:
    assert len(most_telling(f"phrase {number}" for number in range(100))) == MAX_KEY_PHRASES


def test_nothing_has_a_gap_for_every_part() -> None:
    assert nothing_but("language").gaps == tuple(Gap(part, "language") for part in Part)

"""Every error has a status and a sentence in both languages; no status is for an error that is gone."""

from therapy.domain import errors
from therapy.domain.messages import TEXTS, sentence
from therapy.entrypoints.http import app
from therapy.entrypoints.http.errors import RETRY_AFTER, STATUS


def leaves(root: type) -> set[type]:
    """Classes of ours below this one that have none below them; an adapter's kinds of one are that one."""
    ours = [each for each in root.__subclasses__() if each.__module__.startswith("therapy.")]
    below = [each for each in ours if not each.__module__.startswith("therapy.adapters.")]
    return set().union(*(leaves(each) for each in below)) if below else {root}


def test_every_leaf_of_the_error_tree_has_a_status_and_no_other_class_has():
    assert app.make_app  # everything that declares errors is imported
    assert leaves(errors.TherapyError) == set(STATUS)


def test_only_a_resource_that_is_out_is_a_server_error_and_says_when_to_come_back():
    for kind, status in STATUS.items():
        assert status in RETRY_AFTER or 400 <= status < 500, kind
    assert set(RETRY_AFTER) == {503, 507}


def test_every_code_that_a_class_carries_has_a_sentence_in_both_languages():
    for kind in STATUS:
        assert kind.code in TEXTS, kind
        assert sentence(kind.code, "en") != sentence(kind.code, "he")

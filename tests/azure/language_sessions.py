"""A session of the usual length, in words that nobody said, to count what the Language service bills."""

from tests.builders import an_utterance
from therapy.domain.transcript import Speaker, Utterance

SPOKEN = {
    "en-US": (
        "Yes.",
        "I slept badly again, woke at four and could not say why it was so,",
        "Then I thought of what we said last time: I am not alone with it. It helped me until the evening.",
        "What was that like for you, when nobody answered?",
        "My sister rang at 054-555-0100 and we argued about the holidays, as we do every single year,",
        "Mm-hm, go on, what happened then, and who else was there that evening",
    ),
    "he-IL": (
        "כן.",
        "שוב ישנתי רע, התעוררתי בארבע בבוקר ואני לא יודעת למה זה קורה לי,",
        "ואז בדרך הביתה חשבתי על מה שדיברנו בפעם שעברה. זה קצת עזר לי, אפילו שלא האמנתי שמשהו יעזור.",
        "איך זה היה בשבילך, כשאף אחד לא ענה?",
        "אחותי התקשרה מ 054-555-0100 ורבנו על החגים, כמו בכל שנה ושנה, ואני כבר עייפה מזה,",
        "אהה, תמשיכי",
    ),
}


def a_long_session(language: str, utterances: int = 600) -> tuple[Utterance, ...]:
    """Return a session of 50 minutes, 60 % of it the patient's."""
    texts = SPOKEN[language]
    return tuple(
        an_utterance(
            texts[number % len(texts)],
            number * 5_000,
            speaker=Speaker.THERAPIST if number % 5 in {0, 3} else Speaker.PATIENT,
        )
        for number in range(utterances)
    )

"""What people read about a practice's vocabulary: why it is refused, and how to go on.

`VOCABULARY_TEXTS` is part of `messages.TEXTS`: English, Hebrew, then what to do in both.
"""

from therapy.domain.upload_messages import Texts

VOCABULARY_TEXTS: dict[str, Texts] = {
    "vocabulary_changed": (
        "The vocabulary was changed meanwhile. Nothing was changed.",
        "אוצר המילים השתנה בינתיים. דבר לא השתנה.",
        "Read the vocabulary, put your changes into it, and send it with its ETag.",
        "יש לקרוא את אוצר המילים, להכניס בו את השינויים ולשלוח אותו עם ה-ETag שלו.",
    ),
    "too_many_terms": (
        "There are more than {most} terms.",
        "יש יותר מ-{most} מונחים.",
        "Leave out terms that are recognised anyway.",
        "יש להשמיט מונחים שמזוהים בלאו הכי.",
    ),
    "too_many_corrections": (
        "There are more than {most} corrections.",
        "יש יותר מ-{most} תיקונים.",
        "Leave out those that are seldom needed.",
        "יש להשמיט תיקונים שנחוצים לעיתים רחוקות.",
    ),
    "too_long_term": (
        "The text at {field} is longer than {most} characters.",
        "הטקסט בשדה {field} ארוך מ-{most} תווים.",
        "Send names and terms, not sentences.",
        "יש לשלוח שמות ומונחים, לא משפטים.",
    ),
    "no_word": (
        "There is no word at {field}.",
        "אין מילה בשדה {field}.",
        "Send at least one letter or digit there, or leave the entry out.",
        "יש לשלוח שם לפחות אות או ספרה אחת, או להשמיט את הרשומה.",
    ),
    "corrected_twice": (
        "The words at {field} are corrected by an entry before already.",
        "המילים בשדה {field} כבר מתוקנות ברשומה קודמת.",
        "Keep one of the two. Case, punctuation and Hebrew points make no difference.",
        "יש להשאיר אחת מן השתיים. רישיות, פיסוק וניקוד אינם משנים.",
    ),
}

"""What people read about drafts: why a change is refused, and how to go on without losing a word.

`DRAFT_TEXTS` is part of `messages.TEXTS`: English, Hebrew, then what to do in both.
"""

from therapy.domain.upload_messages import Texts

DRAFT_TEXTS: dict[str, Texts] = {
    "no_draft": (
        "There is no draft of this session's transcript.",
        "אין טיוטה לתמלול של הפגישה הזו.",
        "Begin one from the transcript: send its lines with If-None-Match: *.",
        "אפשר להתחיל טיוטה מהתמלול: יש לשלוח את שורותיו עם If-None-Match: *.",
    ),
    "draft_not_possible": (
        "A transcript can be edited while its session awaits review, or once it is closed.",
        "אפשר לערוך תמלול כשהפגישה ממתינה לסקירה, או לאחר שנסגרה.",
        "Keep what you have, wait for that and send it again; a draft that is there can be read until then.",
        "יש לשמור את מה שיש, להמתין ולשלוח שוב; טיוטה קיימת אפשר לקרוא עד אז.",
    ),
    "draft_condition": (
        "It is not known which draft this is to replace; nothing was changed.",
        "לא ידוע איזו טיוטה יש להחליף; דבר לא השתנה.",
        "Send If-Match with the draft's ETag, or If-None-Match: * if there is none yet.",
        "יש לשלוח If-Match עם ה-ETag של הטיוטה, או If-None-Match: * אם עדיין אין טיוטה.",
    ),
    "draft_changed": (
        "This draft was changed elsewhere, perhaps in another tab; nothing of either is lost.",
        "הטיוטה שונתה במקום אחר, אולי בלשונית אחרת; דבר לא אבד.",
        "Fetch the draft, put your changes into it, send it with its ETag; changed_lines says what differs.",
        "יש לטעון את הטיוטה, להוסיף לה את השינויים ולשלוח אותה עם ה-ETag שלה; changed_lines שונו שם.",
    ),
    "draft_gone": (
        "This draft is gone: it was discarded or submitted elsewhere. What you sent was not taken.",
        "הטיוטה כבר אינה קיימת: היא נמחקה או הוגשה במקום אחר. מה שנשלח לא נקלט.",
        "Look at the transcript; if your changes are still wanted, send them with If-None-Match: *.",
        "יש לעיין בתמלול; אם השינויים עדיין דרושים, אפשר לשלוח אותם עם If-None-Match: *.",
    ),
    "no_such_version": (
        "The transcript has no version {number}.",
        "לתמלול אין גרסה {number}.",
        "Fetch the transcript and begin from its version; keep what you have until it is taken.",
        "יש לטעון את התמלול ולהתחיל מהגרסה שלו, ולשמור את מה שיש עד שייקלט.",
    ),
    "version_not_found": (
        "The transcript has no such version: there are 1 to {last}.",
        "לתמלול אין גרסה כזו: יש 1 עד {last}.",
        "Name one of these; GET the session's versions to see how they differ.",
        "יש לציין אחת מהן; ב-GET של versions של הפגישה אפשר לראות במה הן שונות.",
    ),
    "no_such_line": (
        "The draft has no line that begins at {start_ms} ms.",
        "בטיוטה אין שורה שמתחילה ב-{start_ms} אלפיות שנייה.",
        "Fetch the draft and name a line by its start_ms.",
        "יש לטעון את הטיוטה ולציין שורה לפי start_ms.",
    ),
    "no_such_voice": (
        "No line of the draft has this voice.",
        "לאף שורה בטיוטה אין הקול הזה.",
        "Name a voice as the lines have it.",
        "יש לציין קול כפי שהוא מופיע בשורות.",
    ),
    "no_such_word": (
        "The line at {start_ms} ms can't be split there.",
        "אי אפשר לפצל שם את השורה ב-{start_ms} אלפיות שנייה.",
        "Name the word with which the second line begins, counted from 0: 1, or a later one.",
        "יש לציין את המילה שבה מתחילה השורה השנייה, בספירה מ-0: המילה 1 או מאוחרת ממנה.",
    ),
    "no_room_for_line": (
        "There is no room for another line before the next one begins.",
        "אין מקום לשורה נוספת לפני תחילת השורה הבאה.",
        "Merge the line with its neighbour first, or split it elsewhere.",
        "יש לאחד קודם את השורה עם שכנתה, או לפצל אותה במקום אחר.",
    ),
    "merge_two_lines": (
        "Merging takes two lines or more.",
        "לאיחוד דרושות שתי שורות או יותר.",
        "Send the start_ms of two lines that follow each other.",
        "יש לשלוח את start_ms של שתי שורות עוקבות.",
    ),
    "lines_not_neighbours": (
        "There are other lines between those that were to be merged.",
        "יש שורות אחרות בין השורות שיש לאחד.",
        "Name all lines from the first to the last, in order.",
        "יש לציין את כל השורות מהראשונה עד האחרונה, לפי הסדר.",
    ),
    "one_of": (
        "The field {field} does not say one thing to do.",
        "השדה {field} אינו מציין דבר אחד לביצוע.",
        "Send exactly one of the forms that /schema shows.",
        "יש לשלוח בדיוק אחת מהצורות שמופיעות ב-/schema.",
    ),
    "too_much_replaced": (
        "The texts would become longer than {limit}.",
        "הטקסטים יהיו ארוכים מ-{limit}.",
        "Replace it by something shorter, or look for something rarer; nothing was changed.",
        "יש להחליף בטקסט קצר יותר, או לחפש דבר נדיר יותר; דבר לא השתנה.",
    ),
}

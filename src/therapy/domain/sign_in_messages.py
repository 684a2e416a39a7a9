"""What people read about signing in and passwords, in English and Hebrew."""

from therapy.domain.upload_messages import Texts

SIGN_IN_TEXTS: dict[str, Texts] = {
    "email": ("This is not an e-mail address.", "זו אינה כתובת דואר אלקטרוני."),
    "weak_password": (
        "This password is too easy to guess; it needs at least {least} characters.",
        "הסיסמה קלה מדי לניחוש; נדרשים לפחות {least} תווים.",
        "Choose a longer one that is not part of the e-mail address.",
        "כדאי לבחור סיסמה ארוכה יותר שאינה חלק מכתובת הדואר.",
    ),
    "common_password": (
        "Very many people use this password, so it is among the first to be guessed.",
        "אנשים רבים מאוד משתמשים בסיסמה זו, ולכן היא מהראשונות שינחשו.",
        "Choose another one, for example of several words that have nothing to do with each other.",
        "כדאי לבחור סיסמה אחרת, למשל כמה מילים שאין ביניהן קשר.",
    ),
    "not_signed_in": (
        "Please sign in.",
        "יש להתחבר.",
        "Send Authorization: Bearer with the access token. If a refresh token was refused: POST /auth/login.",
        "יש לשלוח Authorization: Bearer עם אסימון הגישה. אם אסימון רענון לא התקבל: POST /auth/login.",
    ),
    "wrong_credentials": (
        "The e-mail address or the password is wrong.",
        "כתובת הדואר האלקטרוני או הסיסמה שגויות.",
        "Try again, or ask for a letter with which to choose a new password.",
        "אפשר לנסות שוב, או לבקש מכתב לבחירת סיסמה חדשה.",
    ),
    "token_expired": (
        "The sign-in has expired; please sign in again.",
        "תוקף החיבור פג; יש להתחבר שוב.",
        "POST /auth/refresh gives new tokens for the refresh token; if it refuses, POST /auth/login does.",
        "POST /auth/refresh נותן אסימונים חדשים תמורת אסימון הרענון; אם אינו נותן, POST /auth/login.",
    ),
    "reset_token": (
        "This link to change the password is unknown, used or expired.",
        "הקישור לשינוי הסיסמה אינו מוכר, נוצל או שתוקפו פג.",
        "Request a new e-mail and use it soon.",
        "יש לבקש הודעת דואר חדשה ולהשתמש בה בהקדם.",
    ),
    "too_many_attempts": (
        "There were too many attempts; please wait a while.",
        "נעשו ניסיונות רבים מדי; יש להמתין זמן מה.",
        "Try again once the time in Retry-After is over, or from where you have signed in before.",
        "אפשר לנסות שוב בתום הזמן שב-Retry-After, או ממקום שממנו כבר התחברת בעבר.",
    ),
    "busy": (
        "Very many people are signing in at this moment.",
        "אנשים רבים מאוד מתחברים ברגע זה.",
        "Try again in a few seconds.",
        "אפשר לנסות שוב בעוד כמה שניות.",
    ),
    "forgot_answer": (
        "If there is an account with this address, an e-mail is on its way.",
        "אם קיים חשבון עם הכתובת הזו, הודעת דואר בדרך אליה.",
    ),
    "password_changed": (
        "The password was changed; please sign in with the new one.",
        "הסיסמה שונתה; אפשר להתחבר איתה.",
    ),
    "reset_mail_subject": ("Change your password", "הסיסמה החדשה שלך"),
    "reset_mail_body": (
        (
            "Someone asked to change the password of this account.\n\nThe code to do so is:\n\n{token}\n\n"
            "It works once, within {minutes} minutes. If this was not you, you can ignore this e-mail."
        ),
        (
            "התקבלה בקשה לשנות את הסיסמה של החשבון הזה.\n\nהקוד לשינוי הוא:\n\n{token}\n\n"
            "הקוד תקף לשימוש אחד, למשך {minutes} דקות. אם הבקשה לא הגיעה ממך, אין צורך לעשות דבר."
        ),
    ),
}

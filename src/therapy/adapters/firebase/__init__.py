"""Firebase: pushes through FCM, for Android and iOS (Google passes the latter on to Apple)."""

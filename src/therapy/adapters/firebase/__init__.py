"""Firebase: pushes through FCM. Android and iOS alike: Google hands the latter to Apple."""

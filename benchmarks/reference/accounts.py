"""Signing in, refreshing, profiles and devices."""

from __future__ import annotations

from datetime import date
from typing import Any

import bcrypt
from flask import Blueprint, Response, abort, g, jsonify, request

from benchmarks.reference import settings
from benchmarks.reference.clients import DEVICES, USERS, container, rows
from benchmarks.reference.tokens import bearer, issued, signed_in, subject, user_of

accounts = Blueprint("accounts", __name__)

BY_EMAIL = "SELECT * FROM c WHERE c.email = @email"


@accounts.post("/auth/login")
def login() -> Response:
    """Return tokens for an e-mail address and a password, compared by bcrypt (cost 12)."""
    body = request.get_json()
    email, password = body.get("email"), body.get("password")
    if not email or not password:
        abort(400, "E-mail and password are required.")
    found = rows(USERS, BY_EMAIL, email=email.strip().lower())
    if not found or not bcrypt.checkpw(password.encode(), found[0]["password_hash"].encode()):
        abort(401, "Invalid credentials.")
    user = found[0]
    return jsonify(
        token=issued(user, "access", settings.ACCESS_SECONDS),
        refreshToken=issued(user, "refresh", settings.REFRESH_SECONDS),
        userId=user["id"],
        userFullName=user["full_name"],
        userType=user["type"],
        dateOfBirth=date.fromisoformat(user["date_of_birth"]).strftime("%d-%m-%Y"),
    )


@accounts.post("/auth/refresh")
def refresh() -> Response:
    """Return new tokens for a refresh token."""
    user = user_of(subject(bearer(), "refresh"))
    return jsonify(
        accessToken=issued(user, "access", settings.ACCESS_SECONDS),
        refreshToken=issued(user, "refresh", settings.REFRESH_SECONDS),
        expiresIn=settings.ACCESS_SECONDS,
    )


@accounts.get("/profiles/me")
@signed_in()
def profile() -> Response:
    """Return the profile of who is signed in."""
    user: dict[str, Any] = g.user
    return jsonify(
        id=user["id"],
        fullName=user["full_name"],
        email=user["email"],
        dateOfBirth=user["date_of_birth"],
        pictureUrl=user.get("picture_url"),
    )


@accounts.post("/devices/register")
@signed_in()
def register_device() -> tuple[str, int]:
    """Note a device, for pushes."""
    body = request.get_json()
    if body["user_id"] != g.user["id"]:
        abort(403, "Not your device.")
    device = {"id": g.user["id"], "user_id": g.user["id"], "platform": body["platform"]}
    container(DEVICES).upsert_item({**device, "token": body["token"]})
    return "", 204

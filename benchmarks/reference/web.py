"""The Flask application: what gunicorn runs."""

from __future__ import annotations

from flask import Flask, Response, jsonify
from werkzeug.exceptions import HTTPException

from benchmarks.reference.accounts import accounts
from benchmarks.reference.session_routes import session_routes
from benchmarks.reference.transcript_routes import transcript_routes


def create_app() -> Flask:
    """Return the application with all its routes."""
    app = Flask("reference")
    for blueprint in (accounts, session_routes, transcript_routes):
        app.register_blueprint(blueprint)
    app.register_error_handler(HTTPException, _refused)
    app.add_url_rule("/health", "health", lambda: jsonify(status="ok"))
    return app


def _refused(error: HTTPException) -> tuple[Response, int]:
    return jsonify(error=error.description), error.code or 500

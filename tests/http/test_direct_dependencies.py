"""What handlers ask for by name is provided by plain calls, whatever a handler asks for."""

from litestar.routes import HTTPRoute

from tests.http.clinic import settings_in
from therapy.entrypoints.http.app import make_app


def test_no_handler_makes_the_framework_start_tasks_for_what_it_asks_for(tmp_path):
    app = make_app(settings_in(tmp_path), with_worker=False)
    handlers = [
        (handler.handler_name, parameters.dependency_batches)
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for handler, parameters in route.route_handler_map.values()
    ]
    assert len(handlers) > 50
    assert [name for name, batches in handlers if batches] == []

"""`GET /voices`."""

from functions.voices.router import router
from tests.component.assistants.fixtures import Api, Requests


def test_voices_are_the_built_in_ones(api: Api, requests_made: Requests) -> None:
    client = api(router)
    requests_made.clear()
    assert client.get("voices").json() == {
        "voices": [
            {
                "id": "heart",
                "name": "Heart",
                "language": "en",
                "description": {"en": "Heart (English)", "nl": "Heart (Engels)"},
            }
        ]
    }
    assert requests_made == []

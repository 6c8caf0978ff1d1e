"""What the tests share."""

import pytest


@pytest.fixture
def anyio_backend() -> str:
    """Run the async tests on asyncio; anyio, which kwatch brings with it, is the plugin."""
    return "asyncio"

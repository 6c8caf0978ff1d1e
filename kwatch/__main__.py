"""``python -m kwatch``, see `kwatch.cli`."""

from kwatch.cli import main

if __name__ == "__main__":
    raise SystemExit(main())

"""``python -m controllines``."""

from controllines.cli import main

if __name__ == "__main__":
    main()

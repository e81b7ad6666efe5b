"""`earshot`, and `python -m earshot`."""

from earshot.signals import hear_signals


def main() -> None:
    """Run the command line, which takes half a second to import."""
    hear_signals()
    from earshot.cli import main as command_line

    command_line()


if __name__ == "__main__":
    main()

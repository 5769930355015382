"""`python -m logsentry` is the `logsentry` command."""

from logsentry.cli.main import main

if __name__ == "__main__":
    main()

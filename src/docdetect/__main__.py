"""`python -m docdetect`, for environments in which the program `docdetect` is not on the path."""

from docdetect.cli.main import main

if __name__ == "__main__":
    main()

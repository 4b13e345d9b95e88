"""`python -m crawler` is the `outages` command."""

from crawler.commands import main

if __name__ == "__main__":
    main(prog_name="outages")

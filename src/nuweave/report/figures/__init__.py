"""Figures of the page: tables in, matplotlib figures out; one kind a file, no files read or written."""

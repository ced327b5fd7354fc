"""Whole scripts of other tools: their search is ours, and they get their own results back.

Each tool has one file. A reader takes the call that would begin the tool's search and returns a
`ToolSearch`: what is searched, in which direction, with which budget, and what the call returns.
"""

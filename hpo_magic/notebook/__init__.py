"""The notebook side: the magics, the cell that is searched, its fingerprint, and the test ledger.

The live panel is in `notebook/panel`.
"""

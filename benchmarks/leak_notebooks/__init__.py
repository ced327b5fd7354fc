"""Eighty small notebooks: forty with a planted leak, forty without one.

Each is a list of cells; the last one is the `%%hpo` cell. They are written as various people would
write them, with scikit-learn, pandas and NumPy alone.
"""

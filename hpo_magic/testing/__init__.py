"""For those who add to hpo_magic: a conformance test for each seam, and fakes."""

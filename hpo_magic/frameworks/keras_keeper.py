"""Keras models on disk."""


class KerasKeeper:
    def save(self, m, p):
        pass

    def is_kept(self, p):
        return False

    def load(self, p, ns):
        raise RuntimeError

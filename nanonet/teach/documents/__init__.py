"""The documents: where they are wrong as written, beside the correction, and their worked examples."""

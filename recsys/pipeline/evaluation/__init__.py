"""How good a version is, beside simpler rankings and itself without one part."""

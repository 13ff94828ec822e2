"""Long measurements on real data. Every figure in docs/ comes from a program in here."""

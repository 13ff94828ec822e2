"""Long measurements on real data. Figures in docs/ come from programs in here, but for those that say otherwise."""

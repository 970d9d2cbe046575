//! Corridor.

//! How long planning takes.

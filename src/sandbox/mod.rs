//! An imaginary cloud.

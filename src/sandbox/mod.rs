//! An imaginary cloud.

pub mod template;

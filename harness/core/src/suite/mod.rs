//! The suite as typed: texts in, values with their places out, and all errors at once.

//! Replacing inputs by what they were built to.

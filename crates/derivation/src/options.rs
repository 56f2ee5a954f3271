//! Attributes that speak to the builder.

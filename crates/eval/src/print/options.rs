//! How values are printed.

/// How values are printed.
#[derive(Clone, Debug)]
pub struct PrintOptions {
    /// Terminal colours.
    pub colors: bool,
    /// Evaluate what is not evaluated.
    pub force: bool,
    /// Show derivations by their path (with `force`).
    pub derivation_paths: bool,
    /// Sets and lists that were shown before are not shown again.
    pub track_repeated: bool,
    /// Deeper sets and lists are `{ ... }` and `[ ... ]`.
    pub max_depth: usize,
    /// Attributes after this many are left out.
    pub max_attrs: usize,
    /// List elements after this many are left out.
    pub max_items: usize,
    /// Bytes of a string after this many are left out.
    pub max_string: usize,
    /// Columns by which nested data is indented; 0 for one line.
    pub indent: usize,
    /// Errors end the printing, instead of being shown in place.
    pub errors: ErrorMode,
}

/// What errors do while values are printed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ErrorMode {
    /// They are shown in place.
    Print,
    /// They end the printing.
    Throw,
    /// They end it if the outermost value fails.
    ThrowTop,
}

impl PrintOptions {
    /// Everything, on one line, nothing evaluated.
    pub const PLAIN: PrintOptions = PrintOptions {
        colors: false,
        force: false,
        derivation_paths: false,
        track_repeated: true,
        max_depth: usize::MAX,
        max_attrs: usize::MAX,
        max_items: usize::MAX,
        max_string: usize::MAX,
        indent: 0,
        errors: ErrorMode::Print,
    };
    /// As in error messages.
    pub const ERROR: PrintOptions = PrintOptions {
        colors: true,
        max_depth: 10,
        max_attrs: 10,
        max_items: 10,
        max_string: 1024,
        ..PrintOptions::PLAIN
    };
}

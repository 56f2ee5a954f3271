//! Git repositories, through the `git` program: what is checked out, what a commit holds.

mod repository;
mod tree;
mod work_tree;

pub use repository::{Repository, WorkTreeState};
pub use tree::GitTree;
pub use work_tree::work_tree;

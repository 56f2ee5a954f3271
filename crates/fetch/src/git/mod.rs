//! Git repositories, through the `git` program: what is checked out, what a commit holds, what others have.

mod attributes;
mod command;
mod fetch;
mod lfs;
mod remote;
mod repository;
mod submodules;
mod tree;
mod verify;
mod work_tree;

pub use repository::{Repository, WorkTreeState};
pub use tree::GitTree;
pub use work_tree::work_tree;

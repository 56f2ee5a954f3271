//! Starting a virtual machine: this process becomes QEMU.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use firn_os::vm::{Spec, Start, arguments, disk, kvm};

use super::{failed, to_stderr};
use crate::error::CliError;

/// Starts the machine that the description is of.
pub(super) fn run(spec: &Path, shared: Vec<String>, args: Vec<String>) -> Result<u8, CliError> {
    let spec = Spec::read(spec).map_err(failed)?;
    for (share, folder) in spec.shares.iter().zip(&shared) {
        if folder.is_empty() || !Path::new(folder).is_dir() {
            return Err(CliError::new(format!(
                "the source of the shared folder '{}' is '{folder}', which is not a folder here: set the variables that 'virtualisation.sharedDirectories.{}.source' names",
                share.tag, share.tag
            )));
        }
    }
    let temporary = std::env::temp_dir();
    let mut empty = Vec::new();
    for (number, disk) in spec.empty_disk_images.iter().enumerate() {
        let path = temporary.join(format!("firn-empty{number}-{}.raw", std::process::id()));
        disk::empty(&path, u64::from(disk.size)).map_err(failed)?;
        empty.push(path);
    }
    let image = std::env::var("NIX_DISK_IMAGE").ok();
    let disk = disk::prepare(&spec, image.as_deref(), &mut to_stderr).map_err(failed)?;
    let start = Start {
        env: std::env::vars().collect(),
        shared,
        kvm: match std::env::var_os("FIRN_NO_KVM") {
            Some(_) => None,
            None => {
                // Without `init=` the first stage gives up, and the kernel restarts at once.
                let kernel: &[&str] = match &spec.kernel {
                    Some(kernel) => {
                        &["-kernel", kernel, "-initrd", &spec.initrd, "-append", "quiet panic=-1"]
                    }
                    None => &[],
                };
                kvm::usable(&spec.tools.qemu, &spec.tools.firmware, kernel, &temporary)
            }
        },
        disk,
        empty,
        args,
    };
    let error = Command::new(&spec.tools.qemu).args(arguments(&spec, &start).map_err(failed)?).exec();
    Err(CliError::new(format!("'{}' could not be started: {error}", spec.tools.qemu.display())))
}

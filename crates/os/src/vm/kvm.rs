//! Whether KVM works here. That `/dev/kvm` can be opened says little: there are machines where a guest never gets to run, and
//! others where three instructions run and a kernel hangs. So QEMU runs both, a guest of three instructions and the machine's own
//! kernel up to the point where it has nothing to boot, within a time limit.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How long a working KVM may take for the three instructions, and for the kernel; it takes about 0.2 s and 1.5 s.
const LIMIT: Duration = Duration::from_secs(4);
const KERNEL_LIMIT: Duration = Duration::from_secs(6);

/// A firmware that writes 0x10 to port 0xf4 where execution begins, 16 bytes below its end: `mov al,16; out 0xf4,al; hlt`.
fn firmware() -> Vec<u8> {
    let mut bytes = vec![0xf4; 64 * 1024];
    let at = bytes.len() - 16;
    bytes[at..at + 5].copy_from_slice(&[0xb0, 0x10, 0xe6, 0xf4, 0xf4]);
    bytes
}

/// The status with which QEMU ends when port 0xf4 got 0x10: `value * 2 + 1`.
const STATUS: i32 = 33;

/// Models of the processor, the best first. Inside other virtual machines some cannot be had in full.
const MODELS: [&str; 2] = ["max", "max,arch-capabilities=off"];

/// The model of the processor with which guests run under KVM, if they do. The answer is remembered until the machine boots
/// again, in `cache`. `kernel` are QEMU's arguments for a kernel that ends by itself.
pub fn usable(qemu: &Path, firmware: &[String], kernel: &[&str], cache: &Path) -> Option<String> {
    if std::fs::OpenOptions::new().read(true).write(true).open("/dev/kvm").is_err() {
        return None;
    }
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let file = remembered(cache);
    if let Ok(text) = std::fs::read_to_string(&file) {
        if let Some((answer, of)) = text.split_once(' ') {
            if of == boot && !boot.is_empty() && (answer == "none" || MODELS.contains(&answer)) {
                return (answer != "none").then(|| answer.to_owned());
            }
        }
    }
    let folders: Vec<&str> = firmware.iter().flat_map(|f| ["-L", f.as_str()]).collect();
    let mut answer = None;
    for model in MODELS {
        let began = Instant::now();
        let words: Vec<&str> =
            ["-accel", "kvm", "-cpu", model].into_iter().chain(folders.iter().copied()).collect();
        if probe(qemu, &words, LIMIT) {
            let words: Vec<&str> = words.iter().chain(kernel).copied().collect();
            if kernel.is_empty() || ends(Command::new(qemu).args(PLAIN).args(&words), KERNEL_LIMIT) == Some(0)
            {
                answer = Some(model.to_owned());
            }
            break;
        }
        // Where it hangs, it hangs with every model.
        if began.elapsed() >= LIMIT {
            break;
        }
    }
    // Not being able to remember costs the next start a moment.
    let _ = std::fs::write(&file, format!("{} {boot}", answer.as_deref().unwrap_or("none")));
    answer
}

fn remembered(cache: &Path) -> PathBuf {
    cache.join(format!("firn-kvm-{}", rustix::process::getuid().as_raw()))
}

/// A machine without anything around it, which ends where it would start anew.
const PLAIN: [&str; 8] = ["-nodefaults", "-display", "none", "-machine", "q35", "-m", "256", "-no-reboot"];

/// Runs the little guest; `accelerator` are QEMU's arguments for it.
pub fn probe(qemu: &Path, accelerator: &[&str], limit: Duration) -> bool {
    let Ok(mut file) = temporary() else { return false };
    if file.1.write_all(&firmware()).is_err() {
        return false;
    }
    let mut command = Command::new(qemu);
    command.args(PLAIN).arg("-bios").arg(&file.0);
    command.args(["-device", "isa-debug-exit,iobase=0xf4,iosize=0x04"]).args(accelerator);
    let answer = ends(&mut command, limit) == Some(STATUS);
    let _ = std::fs::remove_file(&file.0);
    answer
}

/// The status with which a program ends, if it does so within the limit; it is killed if not.
fn ends(command: &mut Command, limit: Duration) -> Option<i32> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()?;
    let began = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return status.code(),
            Ok(None) if began.elapsed() < limit => std::thread::sleep(Duration::from_millis(10)),
            _ => {
                let _ = child.kill();
                let _ = child.wait();
                return None;
            }
        }
    }
}

fn temporary() -> std::io::Result<(PathBuf, std::fs::File)> {
    let path = std::env::temp_dir().join(format!("firn-kvm-probe-{}", std::process::id()));
    let _ = std::fs::remove_file(&path);
    Ok((path.clone(), std::fs::OpenOptions::new().write(true).create_new(true).open(path)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_qemu_that_hangs_is_given_up() {
        let began = Instant::now();
        // Arguments that `sleep` does not know would end it; a shell script stands for a QEMU that hangs.
        let dir = tempfile::tempdir().expect("a folder");
        let script = dir.path().join("qemu");
        std::fs::write(&script, "#!/bin/sh\nexec sleep 60\n").expect("a script");
        std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .expect("a mode");
        assert!(!probe(&script, &[], Duration::from_millis(200)));
        assert!(began.elapsed() < Duration::from_secs(20));
        std::fs::write(&script, "#!/bin/sh\nexit 33\n").expect("a script");
        assert!(probe(&script, &[], Duration::from_secs(20)));
        assert!(!probe(&dir.path().join("none"), &[], LIMIT));
    }
}

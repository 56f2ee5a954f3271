//! The system call filter of builds: no set-uid or set-gid bits, no extended attributes. Neither has a place in a NAR, and a
//! set-uid file would outlive the build.
//!
//! The filter is assembled here because it must cover every ABI that the kernel offers beside the native one (on x86-64 also
//! i386 and x32), each with its own numbers.

use rustix::io::Errno;

/// One instruction of classic BPF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Instruction {
    code: u16,
    jt: u8,
    jf: u8,
    k: u32,
}

/// The numbers of one ABI.
struct Abi {
    /// `AUDIT_ARCH_…`
    arch: u32,
    /// Bits of the number that are left out of comparisons (x32 marks its calls with one).
    ignore: u32,
    /// Calls with a mode, and the argument that the mode is.
    modes: &'static [(u32, u32)],
    /// Calls on extended attributes.
    xattrs: &'static [u32],
}

#[cfg(target_arch = "x86_64")]
const ABIS: &[Abi] = &[
    Abi {
        arch: 0xc000_003e,
        ignore: 0x4000_0000,
        // chmod, fchmod, fchmodat, fchmodat2
        modes: &[(90, 1), (91, 1), (268, 2), (452, 2)],
        // {,l,f}{set,get,list}xattr, {set,get,list}xattrat
        xattrs: &[188, 189, 190, 191, 192, 193, 194, 195, 196, 463, 464, 465],
    },
    Abi {
        arch: 0x4000_0003,
        ignore: 0,
        modes: &[(15, 1), (94, 1), (306, 2), (452, 2)],
        xattrs: &[226, 227, 228, 229, 230, 231, 232, 233, 234, 463, 464, 465],
    },
];

#[cfg(target_arch = "aarch64")]
const ABIS: &[Abi] = &[
    Abi {
        arch: 0xc000_00b7,
        ignore: 0,
        modes: &[(52, 1), (53, 2), (452, 2)],
        xattrs: &[5, 6, 7, 8, 9, 10, 11, 12, 13, 463, 464, 465],
    },
    Abi {
        arch: 0x4000_0028,
        ignore: 0,
        modes: &[(15, 1), (94, 1), (333, 2), (452, 2)],
        xattrs: &[226, 227, 228, 229, 230, 231, 232, 233, 234, 463, 464, 465],
    },
];

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
const ABIS: &[Abi] = &[];

const LOAD: u16 = 0x20; // ld [k]
const AND: u16 = 0x54; // and #k
const JUMP_EQUAL: u16 = 0x15; // jeq #k
const JUMP: u16 = 0x05; // ja
const RETURN: u16 = 0x06; // ret #k
const NUMBER: u32 = 0; // offsets in struct seccomp_data
const ARCH: u32 = 4;
const ARGUMENTS: u32 = 16;
const ALLOW: u32 = 0x7fff_0000;
const FAIL: u32 = 0x0005_0000;

/// The filter. Its last instructions are: allow, fail with EPERM, fail with ENOTSUP.
pub fn program() -> Vec<Instruction> {
    let plain = |code, k| Instruction { code, jt: 0, jf: 0, k };
    let count = ABIS.len();
    let mut out = vec![plain(LOAD, ARCH)];
    // a conditional jump reaches 255 instructions: each goes to an unconditional one a little further down
    for abi in ABIS {
        out.push(Instruction { code: JUMP_EQUAL, jt: count as u8, jf: 0, k: abi.arch });
    }
    out.push(plain(RETURN, ALLOW));
    let mut body = out.len() + count;
    for abi in ABIS {
        out.push(plain(JUMP, (body - out.len() - 1) as u32));
        body += 2 + abi.xattrs.len() + abi.modes.len() + 1 + abi.modes.len() * 6 + 3;
    }
    for abi in ABIS {
        part(abi, &mut out);
    }
    out
}

/// The part for one ABI, with its own three results at the end.
fn part(abi: &Abi, out: &mut Vec<Instruction>) {
    let plain = |code, k| Instruction { code, jt: 0, jf: 0, k };
    let begin = out.len();
    let modes_at = begin + 2 + abi.xattrs.len() + abi.modes.len() + 1;
    let allow = modes_at + abi.modes.len() * 6;
    let (eperm, enotsup) = (allow + 1, allow + 2);
    let to = |from: usize, target: usize| u8::try_from(target - from - 1).expect("the filter is short");
    out.push(plain(LOAD, NUMBER));
    out.push(plain(AND, !abi.ignore));
    for number in abi.xattrs {
        let here = out.len();
        out.push(Instruction { code: JUMP_EQUAL, jt: to(here, enotsup), jf: 0, k: *number });
    }
    for (i, (number, _)) in abi.modes.iter().enumerate() {
        let here = out.len();
        out.push(Instruction { code: JUMP_EQUAL, jt: to(here, modes_at + i * 6), jf: 0, k: *number });
    }
    out.push(plain(RETURN, ALLOW));
    for (_, argument) in abi.modes {
        for bit in [libc::S_ISUID, libc::S_ISGID] {
            out.push(plain(LOAD, ARGUMENTS + 8 * argument));
            out.push(plain(AND, bit));
            let here = out.len();
            let otherwise = if bit == libc::S_ISGID { to(here, allow) } else { 0 };
            out.push(Instruction { code: JUMP_EQUAL, jt: to(here, eperm), jf: otherwise, k: bit });
        }
    }
    out.push(plain(RETURN, ALLOW));
    out.push(plain(RETURN, FAIL | libc::EPERM as u32));
    out.push(plain(RETURN, FAIL | libc::ENOTSUP as u32));
}

/// Installs the filter for this process and its children. Needs `no_new_privs` or the right to administrate.
///
/// # Errors
/// The kernel's.
pub(crate) fn install() -> Result<(), Errno> {
    if ABIS.is_empty() {
        return Err(Errno::NOSYS);
    }
    let program = program();
    let filter =
        libc::sock_fprog { len: program.len() as libc::c_ushort, filter: program.as_ptr().cast_mut().cast() };
    // SAFETY: `Instruction` has the layout of `struct sock_filter`; the kernel copies the program during the call.
    let code = unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, &filter) };
    if code == 0 {
        return Ok(());
    }
    Err(Errno::from_raw_os_error(std::io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the kernel would do: runs the program on a call.
    fn run(program: &[Instruction], arch: u32, number: u32, args: [u64; 6]) -> u32 {
        let mut data = [0u8; 64];
        data[0..4].copy_from_slice(&number.to_le_bytes());
        data[4..8].copy_from_slice(&arch.to_le_bytes());
        for (i, a) in args.iter().enumerate() {
            data[16 + 8 * i..24 + 8 * i].copy_from_slice(&a.to_le_bytes());
        }
        let (mut pc, mut acc) = (0usize, 0u32);
        loop {
            let i = program[pc];
            pc += 1;
            match i.code {
                LOAD => {
                    acc = u32::from_le_bytes(
                        data[i.k as usize..i.k as usize + 4].try_into().expect("four bytes"),
                    )
                }
                AND => acc &= i.k,
                JUMP => pc += i.k as usize,
                JUMP_EQUAL => pc += usize::from(if acc == i.k { i.jt } else { i.jf }),
                RETURN => return i.k,
                other => panic!("unknown instruction {other:#x}"),
            }
        }
    }

    #[test]
    fn refuses_exactly_what_it_should_on_every_abi() {
        let program = program();
        assert!(program.len() < 4096);
        for abi in ABIS {
            let marks: &[u32] = if abi.ignore == 0 { &[0] } else { &[0, abi.ignore] };
            for mark in marks {
                for number in 0..600 {
                    let call = |args| run(&program, abi.arch, number | mark, args);
                    let mode = abi.modes.iter().find(|m| m.0 == number);
                    let want = if abi.xattrs.contains(&number) { FAIL | libc::ENOTSUP as u32 } else { ALLOW };
                    let mut args = [0o755; 6];
                    assert_eq!(call(args), want, "call {number}");
                    for bits in [0o4755, 0o2755, 0o6755, 0xffff_0000_0000_4000 | 0o2000] {
                        args = [0o755; 6];
                        if let Some((_, argument)) = mode {
                            args[*argument as usize] = bits;
                            assert_eq!(call(args), FAIL | libc::EPERM as u32, "call {number} mode {bits:o}");
                        } else {
                            assert_eq!(call([bits; 6]), want, "call {number}");
                        }
                    }
                }
            }
        }
        assert_eq!(run(&program, 0x1234, 90, [0o4755; 6]), ALLOW, "an ABI that this kernel does not have");
    }
}

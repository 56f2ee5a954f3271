//! Hashing passwords: SHA-512 in the form that `crypt(3)` reads (`$6$salt$hash`), after Ulrich Drepper's public specification
//! "Unix crypt using SHA-256 and SHA-512".

use sha2::{Digest, Sha512};

const DIGITS: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const ROUNDS: usize = 5000;
/// The order in which the bytes of the digest are written, three by three.
const ORDER: [[usize; 3]; 21] = [
    [0, 21, 42],
    [22, 43, 1],
    [44, 2, 23],
    [3, 24, 45],
    [25, 46, 4],
    [47, 5, 26],
    [6, 27, 48],
    [28, 49, 7],
    [50, 8, 29],
    [9, 30, 51],
    [31, 52, 10],
    [53, 11, 32],
    [12, 33, 54],
    [34, 55, 13],
    [56, 14, 35],
    [15, 36, 57],
    [37, 58, 16],
    [59, 17, 38],
    [18, 39, 60],
    [40, 61, 19],
    [62, 20, 41],
];

/// Hashes a password with a salt of at most 16 letters.
pub fn sha512_crypt(password: &str, salt: &str) -> String {
    let key = password.as_bytes();
    let salt = &salt.as_bytes()[..salt.len().min(16)];
    let digest = |parts: &[&[u8]]| -> Vec<u8> {
        let mut hash = Sha512::new();
        for part in parts {
            hash.update(part);
        }
        hash.finalize().to_vec()
    };
    // `length` bytes, taken from `from` again and again.
    let repeat =
        |from: &[u8], length: usize| -> Vec<u8> { from.iter().copied().cycle().take(length).collect() };

    let b = digest(&[key, salt, key]);
    let mut a = Sha512::new();
    a.update(key);
    a.update(salt);
    a.update(repeat(&b, key.len()));
    let mut bits = key.len();
    while bits > 0 {
        if bits & 1 == 1 {
            a.update(&b);
        } else {
            a.update(key);
        }
        bits >>= 1;
    }
    let mut c = a.finalize().to_vec();
    let p = repeat(&digest(&vec![key; key.len()]), key.len());
    let s = repeat(&digest(&vec![salt; 16 + usize::from(c[0])]), salt.len());
    for round in 0..ROUNDS {
        let mut hash = Sha512::new();
        hash.update(if round % 2 == 1 { &p } else { &c });
        if round % 3 != 0 {
            hash.update(&s);
        }
        if round % 7 != 0 {
            hash.update(&p);
        }
        hash.update(if round % 2 == 1 { &c } else { &p });
        c = hash.finalize().to_vec();
    }
    let mut out = format!("$6${}$", String::from_utf8_lossy(salt));
    let mut write = |mut value: u32, digits: usize| {
        for _ in 0..digits {
            out.push(char::from(DIGITS[(value & 63) as usize]));
            value >>= 6;
        }
    };
    for [x, y, z] in ORDER {
        write((u32::from(c[x]) << 16) | (u32::from(c[y]) << 8) | u32::from(c[z]), 4);
    }
    write(u32::from(c[63]), 2);
    out
}

/// A salt made of random bytes.
pub fn salt(random: &[u8]) -> String {
    random.iter().take(16).map(|b| char::from(DIGITS[usize::from(b & 63)])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_specification_s_example() {
        assert_eq!(
            sha512_crypt("Hello world!", "saltstring"),
            "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1"
        );
        assert!(sha512_crypt("", "x").starts_with("$6$x$"));
        assert_eq!(salt(&[0, 63, 64, 12]).len(), 4);
    }
}

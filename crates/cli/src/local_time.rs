//! Times of day where the user is: from the zone file of `TZ` or `/etc/localtime`; without one, UTC.

use std::path::PathBuf;

/// `2026-11-23 04:05:06`
pub(crate) fn show(seconds: i64) -> String {
    let local = seconds + zone().and_then(|bytes| offset(&bytes, seconds)).unwrap_or(0);
    let (days, rest) = (local.div_euclid(86_400), local.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    format!("{year:>4}-{month:02}-{day:02} {:02}:{:02}:{:02}", rest / 3600, rest / 60 % 60, rest % 60)
}

/// The date of a number of days since 1970-01-01.
fn civil(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let of_era = z.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

fn zone() -> Option<Vec<u8>> {
    let file = match std::env::var("TZ") {
        Ok(name) if name.is_empty() => return None,
        Ok(name) => {
            let name = name.trim_start_matches(':').to_owned();
            PathBuf::from("/usr/share/zoneinfo").join(name)
        }
        Err(_) => PathBuf::from("/etc/localtime"),
    };
    std::fs::read(file).ok()
}

fn number<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

/// Seconds east of Greenwich at a time, by a zone file (RFC 8536).
fn offset(bytes: &[u8], time: i64) -> Option<i64> {
    let count = |start: usize, i: usize| {
        number::<4>(bytes, start + 20 + 4 * i)
            .map(|b| usize::try_from(u32::from_be_bytes(b)).unwrap_or(usize::MAX))
    };
    bytes.starts_with(b"TZif").then_some(())?;
    let mut start = 0;
    let mut width = 4;
    if *bytes.get(4)? >= b'2' {
        // a second block with times of 64 bits follows the first
        let [utc, std, leap, times, types, chars] =
            [count(0, 0)?, count(0, 1)?, count(0, 2)?, count(0, 3)?, count(0, 4)?, count(0, 5)?];
        start = 44usize.checked_add(times.checked_mul(5)?)?.checked_add(types.checked_mul(6)?)?;
        start = start
            .checked_add(chars)?
            .checked_add(leap.checked_mul(8)?)?
            .checked_add(std)?
            .checked_add(utc)?;
        width = 8;
    }
    let (times, types) = (count(start, 3)?, count(start, 4)?);
    let table = start.checked_add(44)?;
    let kinds = table.checked_add(times.checked_mul(width)?)?;
    let records = kinds.checked_add(times)?;
    let mut kind = 0usize;
    for i in 0..times {
        let at = table + i * width;
        let from = match width {
            8 => i64::from_be_bytes(number::<8>(bytes, at)?),
            _ => i64::from(i32::from_be_bytes(number::<4>(bytes, at)?)),
        };
        if from > time {
            break;
        }
        kind = usize::from(*bytes.get(kinds + i)?);
    }
    (kind < types).then_some(())?;
    Some(i64::from(i32::from_be_bytes(number::<4>(bytes, records + kind * 6)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(19_782), (2024, 2, 29));
        assert_eq!(civil(-1), (1969, 12, 31));
    }

    #[test]
    fn zone_files() {
        let mut file = b"TZif\0".to_vec();
        file.extend([0; 15]);
        for n in [0u32, 0, 0, 1, 2, 4] {
            file.extend(n.to_be_bytes());
        }
        file.extend(1000i32.to_be_bytes());
        file.push(1);
        for (seconds, dst) in [(3600i32, 0u8), (7200, 1)] {
            file.extend(seconds.to_be_bytes());
            file.extend([dst, 0]);
        }
        file.extend(b"ABC\0");
        assert_eq!(offset(&file, 999), Some(3600));
        assert_eq!(offset(&file, 1000), Some(7200));
        for cut in 0..file.len() - 4 {
            let _ = offset(&file[..cut], 1000);
        }
        assert_eq!(offset(b"no", 0), None);
    }
}

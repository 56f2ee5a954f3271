//! How long to wait before another attempt: exponential back-off with full jitter, never less than the server asks for.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The delay before attempt `attempt + 1` (`attempt` counts from 1).
pub(crate) fn delay(
    attempt: u32,
    base_ms: u64,
    ceil_ms: u64,
    retry_after_ms: Option<u64>,
    jitter: bool,
) -> Duration {
    let shift = attempt.saturating_sub(1).min(32);
    let mut ms = base_ms.saturating_mul(1 << shift).min(ceil_ms);
    if jitter {
        ms = random() % (ms + 1);
    }
    Duration::from_millis(ms.max(retry_after_ms.unwrap_or(0)))
}

/// A number that differs from call to call and from process to process; spreads retries, no more.
fn random() -> u64 {
    static STATE: AtomicU64 = AtomicU64::new(0);
    let n = STATE.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_nanos() as u64);
    let mut z = n ^ now ^ (u64::from(std::process::id()) << 32);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Reads `Retry-After`: seconds or an HTTP date.
pub(crate) fn parse_retry_after(value: &str) -> Option<u64> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<u32>() {
        return Some(u64::from(seconds) * 1000);
    }
    let at = parse_http_date(value)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
    Some(at.saturating_sub(now).saturating_mul(1000))
}

/// Seconds since 1970 of `Sun, 06 Nov 1994 08:49:37 GMT`.
fn parse_http_date(text: &str) -> Option<u64> {
    let mut parts = text.split_once(", ")?.1.split(' ');
    let day: u64 = parts.next()?.parse().ok().filter(|d| (1..=31).contains(d))?;
    let month = parts.next()?;
    let month = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        .iter()
        .position(|m| *m == month)? as u64;
    let year: u64 = parts.next()?.parse().ok().filter(|y| (1970..=9999).contains(y))?;
    let mut clock = parts.next()?.splitn(3, ':').map(|p| p.parse::<u64>().ok().filter(|n| *n <= 60));
    let (h, m, s) = (clock.next()??, clock.next()??, clock.next()??);
    // days from civil (Howard Hinnant), March-based years
    let (y, mp) = if month < 2 { (year - 1, month + 10) } else { (year, month - 2) };
    let era = y / 400;
    let yoe = y - era * 400;
    let doy = (153 * mp + 2) / 5 + day - 1;
    let doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    let days = (era * 146_097 + doe).checked_sub(719_468)?;
    Some(days * 86_400 + h * 3600 + m * 60 + s)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_up_to_the_ceiling() {
        let ms = |attempt| delay(attempt, 100, 1000, None, false).as_millis();
        assert_eq!([ms(1), ms(2), ms(3), ms(4), ms(5), ms(60)], [100, 200, 400, 800, 1000, 1000]);
        assert_eq!(delay(1, 100, 1000, Some(5000), false).as_millis(), 5000);
        assert!(delay(3, 100, 1000, None, true).as_millis() <= 400);
    }

    #[test]
    fn reads_dates() {
        assert_eq!(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
        assert_eq!(parse_http_date("Thu, 29 Feb 2024 00:00:00 GMT"), Some(1_709_164_800));
        assert_eq!(parse_retry_after("12"), Some(12_000));
        assert_eq!(parse_retry_after("soon"), None);
        assert_eq!(parse_retry_after("Sun, 06 Nov 1994 08:49:37 GMT"), Some(0));
    }
}

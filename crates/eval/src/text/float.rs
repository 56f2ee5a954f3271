//! The three renderings of a float.
//!
//! - [`to_string`]: `toString` and string interpolation, six decimals (`1.500000`);
//! - [`general`]: the value printer and `toXML`, six significant digits as C's `%g` (`1.5`, `1.23457e+06`);
//! - [`json`]: `toJSON`, the digits of Grisu2 (Florian Loitsch, "Printing Floating-Point Numbers Quickly and Accurately with
//!   Integers", 2010), which round-trip but are not always the shortest: derivations depend on exactly these.

/// Renders as `toString` does.
pub fn to_string(value: f64) -> String {
    match special(value) {
        Some(text) => text.to_owned(),
        None => format!("{value:.6}"),
    }
}

/// Renders as the value printer and `toXML` do (`%g`).
pub fn general(value: f64) -> String {
    const DIGITS: i32 = 6;
    if let Some(text) = special(value) {
        return text.to_owned();
    }
    let scientific = format!("{:.*e}", DIGITS as usize - 1, value);
    let Some((mantissa, exponent)) = scientific.split_once('e') else { return scientific };
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..DIGITS).contains(&exponent) {
        let decimals = (DIGITS - 1 - exponent) as usize;
        return trim_zeros(&format!("{value:.decimals$}")).to_owned();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{}e{sign}{:02}", trim_zeros(mantissa), exponent.abs())
}

/// Appends the rendering of `toJSON`; a number that is not finite becomes `null`.
pub fn json(value: f64, out: &mut Vec<u8>) {
    if !value.is_finite() {
        out.extend_from_slice(b"null");
        return;
    }
    if value.is_sign_negative() {
        out.push(b'-');
    }
    let value = value.abs();
    if value == 0.0 {
        out.extend_from_slice(b"0.0");
        return;
    }
    let (digits, length, exponent) = grisu::digits(value);
    let digits = &digits[..length];
    // The decimal point stands behind this many digits.
    let point = length as i32 + exponent;
    if exponent >= 0 && point <= 15 {
        out.extend_from_slice(digits);
        out.resize(out.len() + exponent as usize, b'0');
        out.extend_from_slice(b".0");
    } else if 0 < point && point <= 15 {
        let (whole, fraction) = digits.split_at(point as usize);
        out.extend_from_slice(whole);
        out.push(b'.');
        out.extend_from_slice(fraction);
    } else if -4 < point && point <= 0 {
        out.extend_from_slice(b"0.");
        out.resize(out.len() + point.unsigned_abs() as usize, b'0');
        out.extend_from_slice(digits);
    } else {
        out.push(digits[0]);
        if length > 1 {
            out.push(b'.');
            out.extend_from_slice(&digits[1..]);
        }
        let shown = point - 1;
        let sign = if shown < 0 { '-' } else { '+' };
        out.extend_from_slice(format!("e{sign}{:02}", shown.abs()).as_bytes());
    }
}

fn special(value: f64) -> Option<&'static str> {
    Some(match (value.is_nan(), value.is_infinite(), value.is_sign_negative()) {
        (true, _, false) => "nan",
        (true, _, true) => "-nan",
        (_, true, false) => "inf",
        (_, true, true) => "-inf",
        _ => return None,
    })
}

fn trim_zeros(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

/// Grisu2 with the target exponents -60..=-32.
mod grisu {
    /// `mantissa * 2^exponent`
    #[derive(Clone, Copy)]
    struct Scaled {
        mantissa: u64,
        exponent: i32,
    }

    impl Scaled {
        fn normalised(self) -> Scaled {
            let shift = self.mantissa.leading_zeros();
            Scaled { mantissa: self.mantissa << shift, exponent: self.exponent - shift as i32 }
        }

        /// The upper half of the product, rounded.
        fn times(self, other: Scaled) -> Scaled {
            let product = u128::from(self.mantissa) * u128::from(other.mantissa) + (1 << 63);
            Scaled { mantissa: (product >> 64) as u64, exponent: self.exponent + other.exponent + 64 }
        }
    }

    /// Gives decimal digits (a buffer and how many of it) and the power of ten to scale them by. `value` is positive and finite.
    pub(super) fn digits(value: f64) -> ([u8; 20], usize, i32) {
        const HIDDEN: u64 = 1 << 52;
        const BIAS: i32 = 1075;
        let bits = value.to_bits();
        let (fraction, exponent) = (bits & (HIDDEN - 1), (bits >> 52) as i32);
        let exact = if exponent == 0 {
            Scaled { mantissa: fraction, exponent: 1 - BIAS }
        } else {
            Scaled { mantissa: fraction + HIDDEN, exponent: exponent - BIAS }
        };
        // The neighbours' midpoints: every number between them reads back as `value`.
        let above = Scaled { mantissa: 2 * exact.mantissa + 1, exponent: exact.exponent - 1 }.normalised();
        let below = if fraction == 0 && exponent > 1 {
            Scaled { mantissa: 4 * exact.mantissa - 1, exponent: exact.exponent - 2 }
        } else {
            Scaled { mantissa: 2 * exact.mantissa - 1, exponent: exact.exponent - 1 }
        };
        let below = Scaled {
            mantissa: below.mantissa << (below.exponent - above.exponent),
            exponent: above.exponent,
        };
        let (power, decimal) = power_for(above.exponent);
        let (exact, below, above) = (exact.normalised().times(power), below.times(power), above.times(power));
        generate(below.mantissa + 1, exact.mantissa, above.mantissa - 1, above.exponent, -decimal)
    }

    /// The cached power of ten that brings `exponent` into the target range.
    fn power_for(exponent: i32) -> (Scaled, i32) {
        let least = -60 - exponent - 1;
        let decimal = least * 78913 / (1 << 18) + i32::from(least > 0);
        let index = (300 + decimal + 7) / 8;
        let (mantissa, exponent, decimal) = POWERS[index as usize];
        (Scaled { mantissa, exponent }, decimal)
    }

    /// Generates the digits of a number in `below..=above`, near `exact`.
    fn generate(
        below: u64,
        exact: u64,
        above: u64,
        exponent: i32,
        mut decimal: i32,
    ) -> ([u8; 20], usize, i32) {
        let mut digits = [0; 20];
        let mut length = 0;
        let shift = -exponent as u32;
        let one = 1u64 << shift;
        let (mut width, mut distance) = (above - below, above - exact);
        let mut whole = (above >> shift) as u32;
        let mut part = above & (one - 1);
        let mut left = whole.checked_ilog10().unwrap_or(0) as i32 + 1;
        let mut ten = 10u32.pow(left as u32 - 1);
        while left > 0 {
            digits[length] = b'0' + (whole / ten) as u8;
            length += 1;
            whole %= ten;
            left -= 1;
            let rest = (u64::from(whole) << shift) + part;
            if rest <= width {
                round(&mut digits[length - 1], distance, width, rest, u64::from(ten) << shift);
                return (digits, length, decimal + left);
            }
            ten /= 10;
        }
        loop {
            part *= 10;
            digits[length] = b'0' + (part >> shift) as u8;
            length += 1;
            part &= one - 1;
            decimal -= 1;
            width *= 10;
            distance *= 10;
            if part <= width {
                break;
            }
        }
        round(&mut digits[length - 1], distance, width, part, one);
        (digits, length, decimal)
    }

    /// Moves the last digit down while that comes closer to the exact value.
    fn round(last: &mut u8, distance: u64, width: u64, mut rest: u64, unit: u64) {
        while rest < distance
            && width - rest >= unit
            && (rest + unit < distance || distance - rest > rest + unit - distance)
        {
            *last -= 1;
            rest += unit;
        }
    }

    /// Powers of ten: mantissa, binary exponent, decimal exponent; every eighth from -300 to 324.
    #[rustfmt::skip]
    const POWERS: [(u64, i32, i32); 79] = [
        (0xAB70FE17C79AC6CA, -1060, -300),
        (0xFF77B1FCBEBCDC4F, -1034, -292),
        (0xBE5691EF416BD60C, -1007, -284),
        (0x8DD01FAD907FFC3C, -980, -276),
        (0xD3515C2831559A83, -954, -268),
        (0x9D71AC8FADA6C9B5, -927, -260),
        (0xEA9C227723EE8BCB, -901, -252),
        (0xAECC49914078536D, -874, -244),
        (0x823C12795DB6CE57, -847, -236),
        (0xC21094364DFB5637, -821, -228),
        (0x9096EA6F3848984F, -794, -220),
        (0xD77485CB25823AC7, -768, -212),
        (0xA086CFCD97BF97F4, -741, -204),
        (0xEF340A98172AACE5, -715, -196),
        (0xB23867FB2A35B28E, -688, -188),
        (0x84C8D4DFD2C63F3B, -661, -180),
        (0xC5DD44271AD3CDBA, -635, -172),
        (0x936B9FCEBB25C996, -608, -164),
        (0xDBAC6C247D62A584, -582, -156),
        (0xA3AB66580D5FDAF6, -555, -148),
        (0xF3E2F893DEC3F126, -529, -140),
        (0xB5B5ADA8AAFF80B8, -502, -132),
        (0x87625F056C7C4A8B, -475, -124),
        (0xC9BCFF6034C13053, -449, -116),
        (0x964E858C91BA2655, -422, -108),
        (0xDFF9772470297EBD, -396, -100),
        (0xA6DFBD9FB8E5B88F, -369, -92),
        (0xF8A95FCF88747D94, -343, -84),
        (0xB94470938FA89BCF, -316, -76),
        (0x8A08F0F8BF0F156B, -289, -68),
        (0xCDB02555653131B6, -263, -60),
        (0x993FE2C6D07B7FAC, -236, -52),
        (0xE45C10C42A2B3B06, -210, -44),
        (0xAA242499697392D3, -183, -36),
        (0xFD87B5F28300CA0E, -157, -28),
        (0xBCE5086492111AEB, -130, -20),
        (0x8CBCCC096F5088CC, -103, -12),
        (0xD1B71758E219652C, -77, -4),
        (0x9C40000000000000, -50, 4),
        (0xE8D4A51000000000, -24, 12),
        (0xAD78EBC5AC620000, 3, 20),
        (0x813F3978F8940984, 30, 28),
        (0xC097CE7BC90715B3, 56, 36),
        (0x8F7E32CE7BEA5C70, 83, 44),
        (0xD5D238A4ABE98068, 109, 52),
        (0x9F4F2726179A2245, 136, 60),
        (0xED63A231D4C4FB27, 162, 68),
        (0xB0DE65388CC8ADA8, 189, 76),
        (0x83C7088E1AAB65DB, 216, 84),
        (0xC45D1DF942711D9A, 242, 92),
        (0x924D692CA61BE758, 269, 100),
        (0xDA01EE641A708DEA, 295, 108),
        (0xA26DA3999AEF774A, 322, 116),
        (0xF209787BB47D6B85, 348, 124),
        (0xB454E4A179DD1877, 375, 132),
        (0x865B86925B9BC5C2, 402, 140),
        (0xC83553C5C8965D3D, 428, 148),
        (0x952AB45CFA97A0B3, 455, 156),
        (0xDE469FBD99A05FE3, 481, 164),
        (0xA59BC234DB398C25, 508, 172),
        (0xF6C69A72A3989F5C, 534, 180),
        (0xB7DCBF5354E9BECE, 561, 188),
        (0x88FCF317F22241E2, 588, 196),
        (0xCC20CE9BD35C78A5, 614, 204),
        (0x98165AF37B2153DF, 641, 212),
        (0xE2A0B5DC971F303A, 667, 220),
        (0xA8D9D1535CE3B396, 694, 228),
        (0xFB9B7CD9A4A7443C, 720, 236),
        (0xBB764C4CA7A44410, 747, 244),
        (0x8BAB8EEFB6409C1A, 774, 252),
        (0xD01FEF10A657842C, 800, 260),
        (0x9B10A4E5E9913129, 827, 268),
        (0xE7109BFBA19C0C9D, 853, 276),
        (0xAC2820D9623BF429, 880, 284),
        (0x80444B5E7AA7CF85, 907, 292),
        (0xBF21E44003ACDD2D, 933, 300),
        (0x8E679C2F5E44FF8F, 960, 308),
        (0xD433179D9C8CB841, 986, 316),
        (0x9E19DB92B4E31BA9, 1013, 324),
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json_text(value: f64) -> String {
        let mut out = Vec::new();
        json(value, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn to_string_has_six_decimals() {
        for (value, text) in [
            (1.5, "1.500000"),
            (-0.0, "-0.000000"),
            (1e22, "10000000000000000000000.000000"),
            (0.0000005, "0.000000"),
            (2.5e-7, "0.000000"),
            (f64::INFINITY, "inf"),
        ] {
            assert_eq!(to_string(value), text);
        }
    }

    #[test]
    fn general_has_six_significant_digits() {
        for (value, text) in [
            (1.5, "1.5"),
            (0.0, "0"),
            (-0.0, "-0"),
            (100000.0, "100000"),
            (1000000.0, "1e+06"),
            (1234567.0, "1.23457e+06"),
            (999999.5, "1e+06"),
            (999999.4, "999999"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (0.00099999951, "0.001"),
            (100000.5, "100000"),
            (100001.5, "100002"),
            (1e300, "1e+300"),
            (-1.0 / 3.0, "-0.333333"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            assert_eq!(general(value), text, "{value:?}");
        }
    }

    #[test]
    fn json_is_grisu() {
        for (value, text) in [
            (1.0, "1.0"),
            (-1.5, "-1.5"),
            (0.1, "0.1"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (1e14, "100000000000000.0"),
            (1e15, "1e+15"),
            (123456789012345.0, "123456789012345.0"),
            (1234567890123456.0, "1.234567890123456e+15"),
            (1e100, "1e+100"),
            (5e-324, "5e-324"),
            (f64::MAX, "1.7976931348623157e+308"),
            (0.3, "0.3"),
            (2.0 / 3.0, "0.6666666666666666"),
            (f64::NAN, "null"),
            (-0.0, "-0.0"),
        ] {
            assert_eq!(json_text(value), text);
        }
    }

    proptest::proptest! {
        #[test]
        fn json_reads_back(bits: u64) {
            let value = f64::from_bits(bits);
            if value.is_finite() {
                proptest::prop_assert_eq!(json_text(value).parse::<f64>().unwrap(), value);
            }
        }
    }
}

//! How is a number written for a person? Times, bytes, ratios and counts, to three significant digits.
//!
//! Nothing here computes: what is shown is the value of the model, rounded once. What is not a number is shown as [`NONE`].

/// What stands where there is nothing to show.
pub const NONE: &str = "–";

/// Units of time and how many nanoseconds each holds.
const TIMES: [(&str, f64); 4] = [("ns", 1.0), ("µs", 1e3), ("ms", 1e6), ("s", 1e9)];
/// Units of size and how many bytes each holds.
const SIZES: [(&str, f64); 5] =
    [("B", 1.0), ("KiB", 1024.0), ("MiB", 1048576.0), ("GiB", 1073741824.0), ("TiB", 1099511627776.0)];

/// A moment, to the minute: `2026-01-02 03:04 UTC`; what is no time is shown as it is.
pub fn moment(text: &str) -> String {
    match text.parse::<jiff::Timestamp>() {
        Ok(time) => time.strftime("%Y-%m-%d %H:%M UTC").to_string(),
        Err(_) => text.to_owned(),
    }
}

/// A time in ns: `182 ns`, `1.94 µs`, `12.3 ms`, `1.20 s`.
pub fn time(ns: f64) -> String {
    if !ns.is_finite() {
        return NONE.to_owned();
    }
    let (digits, unit) = in_unit(ns);
    format!("{digits} {unit}")
}

/// Both ends of an interval of times, the unit once where it is the same: `1.90–1.98 µs`, `990 ns–1.02 µs`.
pub fn time_interval(low: f64, high: f64) -> String {
    if !low.is_finite() || !high.is_finite() {
        return NONE.to_owned();
    }
    let ((from, small), (to, large)) = (in_unit(low), in_unit(high));
    if small == large { format!("{from}–{to} {large}") } else { format!("{from} {small}–{to} {large}") }
}

/// The digits of `ns` in the unit that keeps them below 1,000, and that unit.
fn in_unit(ns: f64) -> (String, &'static str) {
    let rounded = |scale: f64| round(ns / scale, 3);
    let (unit, scale) = TIMES.into_iter().find(|(_, scale)| rounded(*scale).abs() < 1000.0).unwrap_or(TIMES[3]);
    (significant(ns / scale), unit)
}

/// A size in bytes, binary units: `512 B`, `4.0 KiB`, `12.3 KiB`, `2.0 MiB`. Means may be fractions of a byte: `0.5 B`.
pub fn bytes(bytes: f64) -> String {
    if !bytes.is_finite() {
        return NONE.to_owned();
    }
    let digits = |value: f64| match value {
        0.0 => "0".to_owned(),
        value if value.abs() < 0.05 => "<0.1".to_owned(),
        // 99.95 and above round to three digits without a fraction.
        value if value.abs() < 99.95 => format!("{value:.1}"),
        value => grouped(value),
    };
    let fits = |scale: f64| (bytes / scale).abs() < 1023.5;
    let (unit, scale) = SIZES.into_iter().find(|(_, scale)| fits(*scale)).unwrap_or(SIZES[4]);
    let value = bytes / scale;
    if unit == "B" && value.fract() == 0.0 {
        format!("{} B", grouped(value))
    } else {
        format!("{} {unit}", digits(value))
    }
}

/// A ratio: `×1.52`, `×0.0313`, `×1,230`.
pub fn ratio(ratio: f64) -> String {
    if ratio.is_finite() { format!("×{}", significant(ratio)) } else { NONE.to_owned() }
}

/// Both ends of an interval of ratios: `0.985–1.02`. An end that is not 1 is not shown as 1, since a verdict turns on it: `0.982–0.9997`.
pub fn ratio_interval(low: f64, high: f64) -> String {
    if !low.is_finite() || !high.is_finite() {
        return NONE.to_owned();
    }
    let end = |value: f64| {
        let more = (4..=7).map(|digits| round(value, digits)).find(|rounded| *rounded != 1.0);
        match more {
            Some(rounded) if value != 1.0 && round(value, 3) == 1.0 => rounded.to_string(),
            _ => significant(value),
        }
    };
    format!("{}–{}", end(low), end(high))
}

/// A mean count: `0`, `1`, `0.0625`, `1.03`, `16,384`. Below a ten-thousandth only that it is not none: `<0.0001`.
pub fn count(count: f64) -> String {
    match count {
        count if !count.is_finite() => NONE.to_owned(),
        count if count.fract() == 0.0 => grouped(count),
        count if count.abs() < 0.0001 => "<0.0001".to_owned(),
        // Four decimals carry a fault in a large folio's worth of pages; more would be noise.
        count if count.abs() < 0.1 => format!("{count:.4}"),
        count => significant(count),
    }
}

/// A mark of an axis: `500`, `20 K`, `1.5 M`, `300 M`.
pub fn compact(value: f64) -> String {
    let (part, unit) = match value.abs() {
        size if size >= 1e9 => (value / 1e9, " G"),
        size if size >= 1e6 => (value / 1e6, " M"),
        size if size >= 1e3 => (value / 1e3, " K"),
        _ => (value, ""),
    };
    format!("{}{unit}", round(part, 3))
}

/// A margin or a confidence, a part of 1: `1 %`, `99.9 %`.
pub fn percent(part: f64) -> String {
    if !part.is_finite() {
        return NONE.to_owned();
    }
    let digits = format!("{:.4}", part * 100.0);
    format!("{} %", digits.trim_end_matches('0').trim_end_matches('.'))
}

/// `value` to `digits` significant ones.
pub fn round(value: f64, digits: usize) -> f64 {
    // The formatter rounds to a decimal place correctly, which a multiplication by a power of ten does not.
    format!("{value:.*e}", digits - 1).parse().unwrap_or(value)
}

/// Three significant digits, all of them shown; from 1,000 up the whole number, grouped.
fn significant(value: f64) -> String {
    let rounded = round(value, 3);
    if rounded == 0.0 {
        return "0".to_owned();
    }
    if rounded.abs() >= 1000.0 {
        return grouped(value);
    }
    let above = rounded.abs().log10().floor();
    let decimals = (2.0 - above).max(0.0) as usize;
    format!("{rounded:.decimals$}")
}

/// The nearest whole number, its digits in groups of three.
pub fn grouped(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if value < 0.0 && digits != "0" { format!("-{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn marks_of_an_axis_are_short() {
        let marks = [0.0, 500.0, 20e3, 1.5e6, 300e6, 1e9].map(compact);
        assert_eq!(marks, ["0", "500", "20 K", "1.5 M", "300 M", "1 G"]);
    }

    #[test]
    fn times_take_the_unit_that_keeps_three_digits() {
        let shown: Vec<String> =
            [0.0, 0.85, 1.0, 182.0, 999.4, 999.6, 1940.0, 12_345_678.0, 1.2e9, 999.9e9, 1.2345e12].map(time).into();
        assert_eq!(
            shown,
            [
                "0 ns", "0.850 ns", "1.00 ns", "182 ns", "999 ns", "1.00 µs", "1.94 µs", "12.3 ms", "1.20 s",
                "1,000 s", "1,234 s"
            ]
        );
    }

    #[test]
    fn an_interval_names_its_unit_once_where_it_can() {
        assert_eq!(time_interval(1900.0, 1980.0), "1.90–1.98 µs");
        assert_eq!(time_interval(990.0, 1020.0), "990 ns–1.02 µs");
        assert_eq!(ratio_interval(0.985, 1.02), "0.985–1.02");
    }

    #[test]
    fn an_end_of_an_interval_is_1_only_if_it_is() {
        assert_eq!(ratio_interval(0.982, 0.9997), "0.982–0.9997");
        assert_eq!(ratio_interval(1.000_04, 1.3), "1.00004–1.30");
        assert_eq!(ratio_interval(1.0, 1.0), "1.00–1.00");
    }

    #[test]
    fn bytes_are_whole_below_a_kibibyte_unless_they_are_a_mean() {
        let shown: Vec<String> =
            [0.0, 0.01, 0.5, 512.0, 1023.0, 1024.0, 4096.0, 12_595.0, 1048575.0, 2097152.0, 25e9].map(bytes).into();
        assert_eq!(
            shown,
            [
                "0 B", "<0.1 B", "0.5 B", "512 B", "1,023 B", "1.0 KiB", "4.0 KiB", "12.3 KiB", "1.0 MiB", "2.0 MiB",
                "23.3 GiB"
            ]
        );
    }

    #[test]
    fn ratios_keep_three_digits_on_both_sides_of_one() {
        let shown: Vec<String> = [0.001, 0.03125, 0.9953, 1.0, 1.524, 123.4, 1234.0].map(ratio).into();
        assert_eq!(shown, ["×0.00100", "×0.0312", "×0.995", "×1.00", "×1.52", "×123", "×1,234"]);
    }

    #[test]
    fn counts_are_plain_where_they_are_whole() {
        let shown: Vec<String> = [0.0, 1.0, 0.00001, 0.0041, 0.0625, 0.5, 1.004, 16384.0, 1234.5].map(count).into();
        assert_eq!(shown, ["0", "1", "<0.0001", "0.0041", "0.0625", "0.500", "1.00", "16,384", "1,234"]);
    }

    #[test]
    fn parts_of_one_are_per_cent() {
        assert_eq!([0.01, 0.05, 0.99, 0.99952].map(percent), ["1 %", "5 %", "99 %", "99.952 %"]);
    }

    #[test]
    fn what_is_not_a_number_is_not_shown_as_one() {
        for odd in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            for shown in [
                time(odd),
                bytes(odd),
                ratio(odd),
                count(odd),
                percent(odd),
                time_interval(odd, 1.0),
                ratio_interval(1.0, odd),
            ] {
                assert_eq!(shown, NONE);
            }
        }
    }

    /// The value that a reader takes from a text, in the smallest unit of `units`.
    fn read(text: &str, units: &[(&str, f64)]) -> f64 {
        let (digits, unit) = text.split_once(' ').unwrap_or((text, units[0].0));
        let scale = units.iter().find(|(name, _)| *name == unit).map_or(f64::NAN, |(_, scale)| *scale);
        digits.trim_start_matches(['×', '<']).replace(',', "").parse::<f64>().unwrap_or(f64::NAN) * scale
    }

    fn close(shown: f64, value: f64, within: f64) -> bool {
        (shown - value).abs() <= within * value.abs()
    }

    /// Positive values of every magnitude that a run can hold.
    fn values() -> impl Strategy<Value = f64> {
        (-3.0..13.0_f64).prop_map(|power| 10_f64.powf(power))
    }

    proptest! {
        #[test]
        fn a_text_never_loses_the_magnitude_of_its_value(value in values()) {
            prop_assert!(close(read(&time(value), &TIMES), value, 0.0051), "{value} is shown as {}", time(value));
            prop_assert!(close(read(&ratio(value), &[("", 1.0)]), value, 0.0051), "{value} is shown as {}", ratio(value));
            prop_assert!((read(&bytes(value), &SIZES) - value).abs() <= 0.051 * value.max(2.0), "{value} is shown as {}", bytes(value));
            prop_assert!(value < 0.001 || close(read(&count(value), &[("", 1.0)]), value, 0.051), "{value} is shown as {}", count(value));
        }

        #[test]
        fn a_larger_value_never_reads_as_a_smaller_one(value in values(), step in 0.0..0.02_f64) {
            let larger = value * (1.0 + step);
            prop_assert!(read(&time(value), &TIMES) <= read(&time(larger), &TIMES));
            prop_assert!(read(&bytes(value), &SIZES) <= read(&bytes(larger), &SIZES));
            prop_assert!(read(&ratio(value), &[("", 1.0)]) <= read(&ratio(larger), &[("", 1.0)]));
            prop_assert!(read(&count(value), &[("", 1.0)]) <= read(&count(larger), &[("", 1.0)]));
        }

        #[test]
        fn whole_numbers_lose_no_digit(value in 0_u64..1_000_000_000_000) {
            prop_assert_eq!(grouped(value as f64).replace(',', ""), value.to_string());
        }
    }
}

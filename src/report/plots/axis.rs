//! Where does a value lie on a logarithmic axis, and which values are marked on it?

/// Which values are round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Round {
    /// Powers of ten and simple parts of them.
    ByTens,
    /// Powers of two, as sizes are counted.
    ByTwos,
}

/// A logarithmic axis between two pixels.
#[derive(Clone, Copy, Debug)]
pub struct LogAxis {
    low: f64,
    high: f64,
    from: i32,
    to: i32,
    round: Round,
}

/// Marks no closer than this part of the axis: their words would touch.
const CLOSEST: f64 = 0.08;

impl LogAxis {
    /// An axis that holds all of `values` that it can (positive and finite), no less than `least` from end to end (a ratio),
    /// with a little room at both ends. Drawn from pixel `from` to pixel `to`, which may be smaller. `None` if there is nothing to hold.
    pub fn over(values: impl Iterator<Item = f64>, least: f64, (from, to): (i32, i32)) -> Option<Self> {
        let (low, high) = values
            .filter(|value| drawable(*value))
            .fold((f64::INFINITY, 0.0_f64), |(low, high), value| (low.min(value), high.max(value)));
        if low > high {
            return None;
        }
        let short = (least / (high / low)).max(1.0).sqrt();
        let (low, high) = (low / short, high * short);
        let room = (high / low).powf(0.04);
        Some(Self { low: low / room, high: high * room, from, to, round: Round::ByTens })
    }

    /// The same axis, with marks that are round in this way.
    pub fn marked(self, round: Round) -> Self {
        Self { round, ..self }
    }

    /// The pixel of `value`, at the nearer end if it lies outside.
    pub fn pixel(&self, value: f64) -> i32 {
        let value = if value > 0.0 { value.clamp(self.low, self.high) } else { self.low };
        let part = (value / self.low).ln() / (self.high / self.low).ln();
        self.from + (part * f64::from(self.to - self.from)).round() as i32
    }

    /// Round values to mark, smallest first: as many as can be told apart.
    pub fn marks(&self) -> Vec<f64> {
        let fits = |marks: &Vec<f64>| marks.len() >= 2 && self.are_apart(marks);
        if self.round == Round::ByTwos {
            return [1, 2, 3, 5, 10]
                .into_iter()
                .map(|every| self.in_powers_of_two(every))
                .find(fits)
                .unwrap_or_default();
        }
        let fine = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5].into_iter().map(|step| self.in_steps(step));
        let coarse = [&[1.0, 1.5, 2.0, 3.0, 5.0, 7.0][..], &[1.0, 2.0, 5.0], &[1.0, 3.0]]
            .into_iter()
            .map(|parts| self.in_decades(parts, 1));
        // Where the axis lies across a power of ten and reaches no further mark on either side.
        let across = [1.0, 2.0, 5.0].into_iter().map(|step| self.in_steps(step));
        let sparse = (1..=6).map(|every| self.in_decades(&[1.0], every));
        fine.chain(coarse).chain(across).chain(sparse).find(fits).unwrap_or_default()
    }

    fn are_apart(&self, marks: &[f64]) -> bool {
        let whole = (self.high / self.low).ln();
        marks.windows(2).all(|pair| (pair[1] / pair[0]).ln() / whole >= CLOSEST)
    }

    /// Multiples of `step` of the smallest decade.
    fn in_steps(&self, step: f64) -> Vec<f64> {
        // Over more than a decade equal steps crowd at the far end.
        if self.high / self.low > 10.0 {
            return Vec::new();
        }
        let step = step * 10_f64.powf(self.low.log10().floor());
        let (first, last) = ((self.low / step).ceil() as i64, (self.high / step).floor() as i64);
        (first..=last).map(|times| tidy(times as f64 * step)).collect()
    }

    /// Every `every`th power of two.
    fn in_powers_of_two(&self, every: i32) -> Vec<f64> {
        let (first, last) = (self.low.log2().ceil() as i32, self.high.log2().floor() as i32);
        (first..=last).filter(|power| power.rem_euclid(every) == 0).map(|power| 2_f64.powi(power)).collect()
    }

    /// `parts` of every `every`th power of ten.
    fn in_decades(&self, parts: &[f64], every: i32) -> Vec<f64> {
        let (first, last) = (self.low.log10().floor() as i32, self.high.log10().ceil() as i32);
        (first..=last)
            .filter(|power| power.rem_euclid(every) == 0)
            .flat_map(|power| parts.iter().map(move |part| tidy(part * 10_f64.powi(power))))
            .filter(|value| (self.low..=self.high).contains(value))
            .collect()
    }
}

/// Whether a logarithmic axis can hold `value`.
pub fn drawable(value: f64) -> bool {
    value.is_finite() && value > 0.0
}

/// Without the last bits of a product: 0.3, not 0.30000000000000004.
fn tidy(value: f64) -> f64 {
    format!("{value:.6e}").parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn marks_are_round_at_every_scale() {
        let marks =
            |low: f64, high: f64| LogAxis::over([low, high].into_iter(), 1.2, (0, 600)).map(|axis| axis.marks());
        assert_eq!(marks(0.98, 1.01), Some(vec![0.92, 0.94, 0.96, 0.98, 1.0, 1.02, 1.04, 1.06, 1.08]));
        assert_eq!(marks(0.5, 3.0), Some(vec![0.5, 0.7, 1.0, 1.5, 2.0, 3.0]));
        assert_eq!(marks(0.03, 1.2), Some(vec![0.05, 0.1, 0.2, 0.5, 1.0]));
        assert_eq!(marks(0.001, 1000.0), Some(vec![0.001, 0.01, 0.1, 1.0, 10.0, 100.0, 1000.0]));
    }

    #[test]
    fn an_axis_across_a_power_of_ten_has_marks() {
        let axis = LogAxis::over([75_546.9, 125_857.8].into_iter(), 1.3, (200, 700)).unwrap();
        assert_eq!(axis.marks(), [80e3, 90e3, 100e3, 110e3, 120e3]);
    }

    #[test]
    fn sizes_are_marked_by_powers_of_two() {
        let marks = |low: f64, high: f64| {
            LogAxis::over([low, high].into_iter(), 4.0, (0, 600)).map(|axis| axis.marked(Round::ByTwos).marks())
        };
        assert_eq!(marks(5e3, 3e4), Some(vec![8192.0, 16384.0]));
        assert_eq!(marks(4096.0, 2_097_152.0), Some((12..=21).map(|power| 2_f64.powi(power)).collect()));
        assert_eq!(marks(1.0, 1e12), Some((0..=8).map(|power| 2_f64.powi(5 * power)).collect()));
    }

    #[test]
    fn there_is_no_axis_over_nothing() {
        assert!(LogAxis::over([0.0, -1.0, f64::NAN, f64::INFINITY].into_iter(), 2.0, (0, 100)).is_none());
    }

    proptest! {
        #[test]
        fn every_value_lies_on_the_axis_and_in_order(powers in proptest::collection::vec(-3.0..10.0_f64, 1..9)) {
            let mut values: Vec<f64> = powers.iter().map(|power| 10_f64.powf(*power)).collect();
            values.sort_by(f64::total_cmp);
            let axis = LogAxis::over(values.iter().copied(), 1.3, (200, 700)).ok_or_else(|| TestCaseError::fail("no axis"))?;
            let pixels: Vec<i32> = values.iter().map(|value| axis.pixel(*value)).collect();
            prop_assert!(pixels.iter().all(|pixel| (200..=700).contains(pixel)));
            prop_assert!(pixels.windows(2).all(|pair| pair[0] <= pair[1]));
            let marks = axis.marks();
            prop_assert!((2..=13).contains(&marks.len()), "{} marks over {values:?}: {marks:?}", marks.len());
            prop_assert!(marks.iter().all(|mark| (axis.low..=axis.high).contains(mark)));
        }
    }
}

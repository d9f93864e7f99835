//! Which of several methods is chosen, which are statistically tied with it, and which is the next best?
//!
//! Two methods are held against each other by the intervals of one study, which hold together, and told apart by the rule of every verdict: a
//! ratio whose interval holds 1, or lies within the study's margin, is a tie, whatever its estimate.

use serde::Serialize;

use crate::report::units;
use crate::stats::Verdict;

/// The place of a method in the catalogue, where the plainest comes first.
pub type Plainness<'a> = &'a dyn Fn(&str) -> usize;

/// A ratio to the baseline, or a time, with its interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Figure {
    pub(super) estimate: f64,
    pub(super) low: f64,
    pub(super) high: f64,
}

/// What is known of a study that methods are compared in.
#[derive(Clone, Debug)]
pub(super) struct Setting {
    /// Its history, where studies differ in it.
    pub(super) history: Option<String>,
    /// Ratios within 1 ± this are equal.
    pub(super) margin: f64,
}

/// A method with its figure in each study, in the order of the settings.
#[derive(Clone, Debug)]
pub(super) struct Rival {
    pub(super) method: String,
    pub(super) figures: Vec<Figure>,
}

/// The time of one method over another's, in the study where it is most.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Margin {
    /// The method.
    pub method: String,
    /// Its time over the other's.
    pub ratio: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
    /// The history where that is so; `null` where one was measured.
    pub history: Option<String>,
}

impl Margin {
    /// `pwrite+fsync (×1.01, 0.99–1.03), …`.
    pub(super) fn list(all: &[Self]) -> String {
        let each = all
            .iter()
            .map(|margin| format!("{} ({}, {})", margin.method, units::ratio(margin.ratio), margin.interval()));
        each.collect::<Vec<_>>().join(", ")
    }

    /// `mmap+fdatasync, ×1.21 the time (1.18–1.26), with history write-1M`.
    pub(super) fn in_words(&self) -> String {
        let history = self.history.as_ref().map(|history| format!(", with history {history}")).unwrap_or_default();
        format!("{}, {} the time ({}){history}", self.method, units::ratio(self.ratio), self.interval())
    }

    fn interval(&self) -> String {
        units::ratio_interval(self.low, self.high)
    }
}

/// The outcome, best first.
#[derive(Clone, Debug)]
pub(super) struct Ranking {
    /// The place of the chosen method among the rivals.
    pub(super) chosen: usize,
    /// Those that are statistically tied with it, in the order of their estimates.
    pub(super) tied: Vec<Margin>,
    /// The best of the others.
    pub(super) next: Option<Margin>,
}

impl Rival {
    /// The largest of its figures: a user seldom knows which study is about the file at hand.
    pub(super) fn worst(&self) -> f64 {
        self.figures.iter().map(|figure| figure.estimate).fold(0.0, f64::max)
    }

    /// The time of `other` over this one's, in each study: the ends of two intervals that hold together bound the ratio of both.
    fn ratios<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = Figure> + 'a {
        self.figures.iter().zip(&other.figures).map(|(own, its)| Figure {
            estimate: its.estimate / own.estimate,
            low: its.low / own.high,
            high: its.high / own.low,
        })
    }

    fn verdicts<'a>(&'a self, other: &'a Self, settings: &'a [Setting]) -> impl Iterator<Item = Verdict> + 'a {
        let ratios = self.ratios(other).zip(settings);
        ratios.map(|(ratio, setting)| Verdict::of(Some((ratio.low, ratio.high)), setting.margin))
    }

    /// Whether `other` is faster in some study, and slower in none.
    fn is_beaten_by(&self, other: &Self, settings: &[Setting]) -> bool {
        let is = |word| self.verdicts(other, settings).any(|verdict| verdict == word);
        is(Verdict::Faster) && !is(Verdict::Slower)
    }

    /// Whether no study tells it from `other`.
    fn is_tied_with(&self, other: &Self, settings: &[Setting]) -> bool {
        self.verdicts(other, settings).all(|verdict| matches!(verdict, Verdict::Equal | Verdict::Unresolved))
    }

    /// The time of `other` over this one's, in the study where that is most for certain.
    pub(super) fn margin(&self, other: &Self, settings: &[Setting]) -> Option<Margin> {
        let each = self.ratios(other).zip(settings).map(|(ratio, setting)| Margin {
            method: other.method.clone(),
            ratio: ratio.estimate,
            low: ratio.low,
            high: ratio.high,
            history: setting.history.clone(),
        });
        each.max_by(|a, b| a.low.total_cmp(&b.low))
    }
}

/// Ranks `rivals`; `None` where there are none.
///
/// A method that another one beats is out. Of the others the best by its worst figure leads; of those that are tied with it, the plainest is chosen.
pub(super) fn rank(rivals: &[Rival], settings: &[Setting], plainness: Plainness<'_>) -> Option<Ranking> {
    let worst = |place: &usize| rivals[*place].worst();
    let mut order: Vec<usize> = (0..rivals.len()).collect();
    order.sort_by(|a, b| worst(a).total_cmp(&worst(b)));
    let is_unbeaten = |place: &usize| !rivals.iter().any(|other| rivals[*place].is_beaten_by(other, settings));
    // Over several studies each may be beaten by some other: then none is out.
    let lead = order.iter().copied().find(is_unbeaten).or_else(|| order.first().copied())?;
    let in_question =
        |place: &usize| *place == lead || is_unbeaten(place) && rivals[*place].is_tied_with(&rivals[lead], settings);
    let chosen = order.iter().copied().filter(in_question).min_by_key(|place| plainness(&rivals[*place].method))?;
    let best = &rivals[chosen];
    let (tied, apart): (Vec<usize>, Vec<usize>) = order
        .into_iter()
        .filter(|place| *place != chosen)
        .partition(|place| best.is_tied_with(&rivals[*place], settings));
    let margin = |place: usize| best.margin(&rivals[place], settings);
    Some(Ranking {
        chosen,
        tied: tied.into_iter().filter_map(margin).collect(),
        next: apart.into_iter().find_map(margin),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rival(method: &str, figures: &[(f64, f64, f64)]) -> Rival {
        let figures =
            figures.iter().map(|(low, estimate, high)| Figure { estimate: *estimate, low: *low, high: *high });
        Rival { method: method.to_owned(), figures: figures.collect() }
    }

    fn settings(count: usize) -> Vec<Setting> {
        vec![Setting { history: None, margin: 0.05 }; count]
    }

    /// The chosen method, the tied ones and the next best.
    fn outcome(rivals: &[Rival], plainest_first: &[&str]) -> (String, Vec<String>, Option<String>) {
        let place = |method: &str| plainest_first.iter().position(|name| *name == method).unwrap_or(usize::MAX);
        let ranking = rank(rivals, &settings(rivals[0].figures.len()), &place).unwrap();
        let names = ranking.tied.into_iter().map(|margin| margin.method).collect();
        (rivals[ranking.chosen].method.clone(), names, ranking.next.map(|margin| margin.method))
    }

    #[test]
    fn an_interval_that_holds_1_is_a_tie_whatever_its_estimate() {
        let rivals = [rival("plain", &[(1.0, 1.0, 1.0)]), rival("wild", &[(0.9, 2.62, 7.0)])];
        assert_eq!(outcome(&rivals, &["plain", "wild"]), ("plain".to_owned(), vec!["wild".to_owned()], None));
    }

    #[test]
    fn a_difference_within_the_margin_is_a_tie_though_it_is_certain() {
        let rivals = [rival("plain", &[(1.0, 1.0, 1.0)]), rival("fancy", &[(0.955, 0.97, 0.98)])];
        assert_eq!(outcome(&rivals, &["plain", "fancy"]), ("plain".to_owned(), vec!["fancy".to_owned()], None));
    }

    #[test]
    fn of_tied_methods_the_plainest_is_chosen_and_all_others_are_named() {
        let rivals = [
            rival("base", &[(1.0, 1.0, 1.0)]),
            rival("mmap+flag", &[(0.40, 0.5, 0.62)]),
            rival("mmap", &[(0.45, 0.55, 0.68)]),
            rival("ring", &[(0.41, 0.51, 0.65)]),
        ];
        let tied = ["mmap+flag", "ring"].map(str::to_owned).to_vec();
        assert_eq!(
            outcome(&rivals, &["base", "mmap", "mmap+flag", "ring"]),
            ("mmap".to_owned(), tied, Some("base".to_owned()))
        );
    }

    #[test]
    fn the_plainest_is_not_chosen_where_another_method_beats_it() {
        // The first has an interval so wide that it is tied with both; the third is certainly slower than the second.
        let rivals = [
            rival("wide", &[(0.5, 0.7, 1.1)]),
            rival("narrow", &[(0.78, 0.8, 0.82)]),
            rival("plain", &[(1.0, 1.0, 1.0)]),
        ];
        let (chosen, tied, next) = outcome(&rivals, &["plain", "narrow", "wide"]);
        assert_eq!(
            (chosen.as_str(), tied.as_slice(), next.as_deref()),
            ("narrow", &["wide".to_owned()][..], Some("plain"))
        );
    }

    #[test]
    fn what_is_faster_in_one_study_and_tied_in_the_others_is_better() {
        let rivals = [rival("plain", &[(1.0, 1.0, 1.0); 2]), rival("direct", &[(0.80, 0.85, 0.9), (0.9, 1.03, 1.2)])];
        assert_eq!(outcome(&rivals, &["plain", "direct"]), ("direct".to_owned(), vec![], Some("plain".to_owned())));
    }

    #[test]
    fn of_two_that_are_each_faster_in_one_study_the_better_worst_case_is_chosen() {
        let rivals = [rival("plain", &[(1.0, 1.0, 1.0); 2]), rival("mapped", &[(0.4, 0.5, 0.6), (3.0, 3.4, 3.8)])];
        let (chosen, tied, next) = outcome(&rivals, &["mapped", "plain"]);
        assert_eq!((chosen.as_str(), tied.len(), next.as_deref()), ("plain", 0, Some("mapped")));
    }
}

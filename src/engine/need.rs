//! What does an operation need at the least, and how far above that is a method?

use serde::{Deserialize, Serialize};

use crate::results::model::{Floor, FloorPart, FloorRatio};

/// A bare operation that an operation cannot do without: a floor of the machine ([`crate::machine::floors()`]), and how many of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Need {
    /// The floor's name.
    pub floor: String,
    /// How many of it.
    pub units: Units,
}

/// How many of a floor an operation needs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Units {
    /// So many.
    Of(f64),
    /// As many as it took minor faults: how many pages one brings is the kernel's choice.
    MinorFaults,
}

impl Need {
    /// So many `units` of `floor`.
    pub fn of(floor: &str, units: f64) -> Self {
        Self { floor: floor.to_owned(), units: Units::Of(units) }
    }

    /// Divides what it needs among `threads` that do it at the same time; faults are counted as they were taken.
    pub fn share(&mut self, threads: u64) {
        if let Units::Of(units) = &mut self.units {
            *units /= threads.max(1) as f64;
        }
    }

    /// A minor fault for each that was taken.
    pub fn faults() -> Self {
        Self { floor: "minor fault".to_owned(), units: Units::MinorFaults }
    }
}

/// `ns` as a multiple of what `needs` come to, one after the other; `None` where nothing is needed, or one of the floors was not measured.
pub fn held_against(ns: f64, needs: &[Need], minor_faults: f64, floors: &[Floor]) -> Option<FloorRatio> {
    let part = |need: &Need| {
        let units = match need.units {
            Units::Of(units) => units,
            Units::MinorFaults => minor_faults,
        };
        let floor = floors.iter().find(|floor| floor.name == need.floor)?;
        Some((FloorPart { name: need.floor.clone(), units }, units * floor.estimate))
    };
    let parts: Vec<(FloorPart, f64)> = needs.iter().map(part).collect::<Option<_>>()?;
    let least: f64 = parts.iter().map(|(_, ns)| ns).sum();
    let mut parts = parts.into_iter().filter(|(_, ns)| *ns > 0.0).map(|(part, _)| part);
    let FloorPart { name, units } = parts.next()?;
    Some(FloorRatio { name, units, also: parts.collect(), times: ns / least })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn floors() -> Vec<Floor> {
        let floor = |name: &str, estimate: f64| Floor {
            name: name.to_owned(),
            unit: "ns".to_owned(),
            estimate,
            low: estimate,
            high: estimate,
        };
        vec![floor("system call", 100.0), floor("page copy", 200.0), floor("minor fault", 1000.0)]
    }

    #[test]
    fn what_is_needed_one_after_the_other_is_one_floor() {
        let needs = [Need::of("system call", 0.5), Need::of("page copy", 1.0)];
        let floor = held_against(500.0, &needs, 0.0, &floors()).unwrap();
        assert_eq!((floor.name.as_str(), floor.units, floor.times), ("system call", 0.5, 2.0));
        assert_eq!(floor.also, [FloorPart { name: "page copy".to_owned(), units: 1.0 }]);
    }

    #[test]
    fn faults_count_as_they_were_taken_and_not_at_all_where_there_were_none() {
        let needs = [Need::faults(), Need::of("page copy", 1.0)];
        assert_eq!(held_against(900.0, &needs, 0.25, &floors()).unwrap().times, 2.0);
        let quiet = held_against(900.0, &needs, 0.0, &floors()).unwrap();
        assert_eq!((quiet.name.as_str(), quiet.times), ("page copy", 4.5));
    }

    #[test]
    fn without_a_need_or_its_floor_there_is_no_multiple() {
        assert_eq!(held_against(900.0, &[], 1.0, &floors()), None);
        assert_eq!(held_against(900.0, &[Need::of("teleport", 1.0), Need::of("page copy", 1.0)], 1.0, &floors()), None);
        assert_eq!(held_against(900.0, &[Need::faults()], 0.0, &floors()), None);
    }
}

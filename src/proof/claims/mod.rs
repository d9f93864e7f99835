//! The claims, a file a topic. To add one: one item in its topic's table.

mod cache;
mod errors;
mod fork;
mod limits;
mod past_end;
mod private;
mod sync;
mod visibility;

use super::claim::Claim;

/// The tables, in the order that they are tried and shown.
pub const ALL: [&[Claim]; 8] = [
    visibility::CLAIMS,
    private::CLAIMS,
    fork::CLAIMS,
    limits::CLAIMS,
    past_end::CLAIMS,
    errors::CLAIMS,
    sync::CLAIMS,
    cache::CLAIMS,
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_claim_has_an_id_of_its_own_a_sentence_an_expectation_and_a_source() {
        let mut ids = BTreeSet::new();
        for claim in ALL.iter().flat_map(|topic| topic.iter()) {
            assert!(ids.insert(claim.id), "{} is there twice", claim.id);
            let plain = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
            assert!(claim.id.chars().all(plain), "{} is not an id", claim.id);
            assert!(claim.claim.ends_with('.'), "{} is not a sentence", claim.id);
            assert!(!claim.expected.is_empty() && !claim.source.is_empty(), "{}", claim.id);
            assert!(claim.except.iter().all(|other| !other.on.is_empty() && !other.why.is_empty()));
        }
    }

    #[test]
    fn every_table_holds_the_claims_of_one_topic() {
        for table in ALL {
            assert!(table.iter().all(|claim| claim.topic == table[0].topic));
        }
    }
}

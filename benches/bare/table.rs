//! How is it printed? A line as each study ends.

use std::io::Write;

use pagewise::report::units;

use super::bound::Row;
use super::pairs::Pair;

/// What is printed.
pub struct Table {
    markdown: bool,
    scenario: String,
}

impl Table {
    /// Prints the table's head.
    pub fn begin(markdown: bool) -> Self {
        if markdown {
            println!("| scenario | method | ratio to the bare loop | interval | bound | verdict |");
            println!("|---|---|---:|---:|---:|---|");
        } else {
            println!(
                "{:<34} {:>9} {:>9} {:>7} {:>15} {:>7}  verdict",
                "method", "bare", "ours", "ratio", "interval", "bound"
            );
        }
        Self { markdown, scenario: String::new() }
    }

    /// Prints what was found of a pair.
    pub fn line(&mut self, pair: &Pair, row: &Row) {
        if !self.markdown && self.scenario != pair.scenario() {
            println!("{}", pair.scenario());
        }
        self.scenario = pair.scenario().to_owned();
        println!("{}", if self.markdown { markdown(pair, row) } else { plain(pair, row) });
        let _ = std::io::stdout().flush();
    }
}

fn plain(pair: &Pair, row: &Row) -> String {
    let method = pair.method();
    match row {
        Row::Compared { ns, ratio, interval, bound, verdict } => {
            let [bare, ours] = ns.map(units::time);
            let interval = shown(*interval);
            format!("  {method:<32} {bare:>9} {ours:>9} {ratio:>7.3} {interval:>15} {bound:>7.3}  {verdict}")
        }
        Row::Unavailable(reason) => format!("  {method:<32} unavailable: {reason}"),
        Row::Failed(reason) => format!("  {method:<32} failed: {reason}"),
    }
}

/// No times: they are this machine's, and nobody's to quote.
fn markdown(pair: &Pair, row: &Row) -> String {
    let named = format!("| `{}` | `{}` |", pair.scenario(), pair.method().replace('|', "\\|"));
    match row {
        Row::Compared { ratio, interval, bound, verdict, .. } => {
            format!("{named} {ratio:.3} | {} | {bound:.2} | {verdict} |", shown(*interval))
        }
        Row::Unavailable(reason) => format!("{named} | | | unavailable: {reason} |"),
        Row::Failed(reason) => format!("{named} | | | failed: {reason} |"),
    }
}

fn shown(interval: Option<(f64, f64)>) -> String {
    interval.map_or_else(|| units::NONE.to_owned(), |(low, high)| format!("{low:.3}–{high:.3}"))
}

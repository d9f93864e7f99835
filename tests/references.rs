//! Whether what one part of the project calls another part's scenarios, parameters and methods is what they are called: Criterion's picks, the lists and
//! texts of reports and advice, and the documents, each looked up in the whole catalogue.

#[path = "../benches/front/picks.rs"]
mod picks;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use pagewise::areas::{self, FULL, Options, Spec};

/// Every scenario, parameter and method that pagewise has.
struct Catalogue {
    specs: Vec<Spec>,
    ids: BTreeSet<String>,
    params: BTreeMap<String, BTreeSet<String>>,
    methods: BTreeSet<String>,
    sweeps: BTreeSet<String>,
}

/// What is called a method in reports and is not one of a table of methods: it is watched, not timed.
const WATCHED: [&str; 2] = ["mmap+munmap", "preadv2(RWF_NOWAIT)+readahead"];

impl Catalogue {
    fn read() -> Self {
        let full = Options { sweeps: vec![FULL.to_owned()], ..Options::default() };
        let quick = Options { quick: true, ..Options::default() };
        let of = |options: &Options| areas::ALL.into_iter().flat_map(|area| area.specs(options)).collect::<Vec<_>>();
        let specs = [of(&full), of(&quick)].concat();
        let mut params = BTreeMap::<String, BTreeSet<String>>::new();
        for (key, value) in specs.iter().flat_map(|spec| &spec.plan.scenario.params) {
            params.entry(key.clone()).or_default().insert(value.clone());
        }
        let methods = areas::ALL.into_iter().flat_map(|area| area.methods()).chain(WATCHED).map(str::to_owned);
        Self {
            ids: specs.iter().map(|spec| spec.plan.scenario.id.clone()).collect(),
            params,
            methods: methods.collect(),
            sweeps: areas::sweeps().into_iter().map(|(name, _)| name.to_owned()).collect(),
            specs,
        }
    }

    fn has_param(&self, key: &str, value: &str) -> bool {
        self.params.get(key).is_some_and(|values| values.contains(value))
    }

    /// How methods begin: `mmap`, `pread`, …
    fn heads(&self) -> BTreeSet<&str> {
        self.methods.iter().map(|method| method.split(['+', '(', ' ', '|']).next().unwrap()).collect()
    }
}

/// A place in a file, as an editor takes it.
fn at(path: &Path, text: &str, offset: usize) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let line = text[..offset].matches('\n').count() + 1;
    format!("{}:{line}", path.strip_prefix(root).unwrap().display())
}

fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn documents() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let single = ["README.md", "CONTRIBUTING.md", "results/README.md"].map(|name| root.join(name));
    single
        .into_iter()
        .chain(files("docs", "md"))
        .map(|path| (path.clone(), fs::read_to_string(path).unwrap()))
        .collect()
}

/// The sources that name what areas have: all but the areas themselves and the code for tests.
fn sources() -> Vec<(PathBuf, String)> {
    let all = ["report", "cli", "compare", "machine", "trial"]
        .into_iter()
        .flat_map(|room| files(&format!("src/{room}"), "rs"));
    let of_tests = |path: &Path| {
        let name = path.file_stem().unwrap().to_str().unwrap();
        name.contains("tests") || name == "sample"
    };
    all.filter(|path| !of_tests(path))
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            let end = text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len());
            (path, text[..end].to_owned())
        })
        .collect()
}

/// The string literals of a source, each with its place: the text as it is written, but for a line's continuation.
fn literals(source: &str) -> Vec<(usize, String)> {
    let bytes = source.as_bytes();
    let (mut found, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        match bytes[at] {
            b'/' if bytes.get(at + 1) == Some(&b'/') => at += source[at..].find('\n').unwrap_or(source.len() - at),
            b'\'' if source[at..].starts_with("'\"'") => at += 3,
            b'"' => {
                let (start, mut end) = (at + 1, at + 1);
                while bytes[end] != b'"' {
                    end += if bytes[end] == b'\\' { 2 } else { 1 };
                }
                let lines: Vec<&str> = source[start..end].split("\\\n").collect();
                let text = std::iter::once(lines[0]).chain(lines[1..].iter().map(|line| line.trim_start()));
                found.push((start, text.collect()));
                at = end + 1;
            }
            _ => at += 1,
        }
    }
    found
}

fn is_word(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_'
}

/// The length of what is in brackets at the beginning of `text`, if that is what a method has there: no section of the manual, no arguments.
fn bracketed(text: &str) -> Option<usize> {
    let inner = text.strip_prefix('(')?.split_once(')')?.0;
    let fine =
        inner.chars().all(|letter| is_word(letter) || "|,".contains(letter)) && inner.contains(char::is_alphabetic);
    fine.then_some(inner.len() + 2)
}

/// The length of what looks like the rest of a method's name after its head: `(O_DSYNC)`, `+msync(MS_SYNC)`, ` 256K x8`.
fn rest_of_name(catalogue: &Catalogue, head: &str, text: &str) -> usize {
    let mut end = 0;
    let with_brackets = format!("{head}(");
    if catalogue.methods.iter().any(|method| method.starts_with(&with_brackets)) {
        end += bracketed(text).unwrap_or(0);
    }
    while let Some(part) = text[end..].strip_prefix('+') {
        let word = part.find(|letter| !is_word(letter)).unwrap_or(part.len());
        if word == 0 {
            break;
        }
        end += 1 + word;
        end += bracketed(&text[end..]).unwrap_or(0);
    }
    while let Some(part) = text[end..].strip_prefix(' ') {
        let word = part.find(|letter| !is_word(letter)).unwrap_or(part.len());
        let (depth, size) = (part[..word].strip_prefix('x'), part[..word].strip_suffix(['K', 'M']));
        if !depth
            .or(size)
            .is_some_and(|number| !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit()))
        {
            break;
        }
        end += 1 + word;
    }
    end
}

/// What `text` calls methods and the catalogue does not have, with its places; and how many it does have.
fn unknown_methods(catalogue: &Catalogue, text: &str) -> (Vec<(usize, String)>, usize) {
    let (mut unknown, mut known) = (Vec::new(), 0);
    let heads = catalogue.heads();
    let mut at = 0;
    while at < text.len() {
        if !text.is_char_boundary(at) {
            at += 1;
            continue;
        }
        let before = text[..at].chars().next_back();
        let starts = before.is_none_or(|letter| !is_word(letter) && !"+:/".contains(letter));
        let longest = |names: &mut dyn Iterator<Item = &str>| {
            names.filter(|name| starts && text[at..].starts_with(*name)).max_by_key(|name| name.len()).map(str::len)
        };
        let Some(head) = longest(&mut heads.iter().copied()) else {
            at += 1;
            continue;
        };
        let rest = rest_of_name(catalogue, &text[at..at + head], &text[at + head..]);
        let name = longest(&mut catalogue.methods.iter().map(String::as_str)).unwrap_or(0);
        if rest > 0 && name < head + rest {
            unknown.push((at, text[at..at + head + rest].to_owned()));
        }
        known += usize::from(rest > 0 && name >= head + rest);
        at += name.max(head + rest);
    }
    (unknown, known)
}

/// The words of `text` after each `option`, without quotes: `--sweep pages` and `--sweep=pages`.
fn values_of<'a>(text: &'a str, option: &str) -> Vec<(usize, &'a str)> {
    let ends = |letter: char| letter.is_whitespace() || "`,;)".contains(letter);
    let of = |(place, found): (usize, &'a str)| {
        let rest = text[place + found.len()..].strip_prefix([' ', '='])?.trim_start_matches(['\'', '"']);
        let value = rest[..rest.find(ends).unwrap_or(rest.len())].trim_end_matches(['\'', '"', '.', ':']);
        // A place-holder is written in capitals.
        value.contains(|letter: char| letter.is_lowercase()).then_some((place, value))
    };
    text.match_indices(option).filter_map(of).collect()
}

#[test]
fn every_pick_of_criterion_is_a_scenario_and_a_method_of_it() {
    let catalogue = Catalogue::read();
    let mut looked_up = 0;
    for (area, picks) in picks::ALL {
        for pick in picks {
            let fits = |spec: &&Spec| {
                let params = &spec.plan.scenario.params;
                spec.plan.area == area
                    && pick.scenario.iter().all(|(key, value)| params.get(*key).is_some_and(|found| found == value))
            };
            let found: Vec<&Spec> = catalogue.specs.iter().filter(fits).collect();
            assert!(!found.is_empty(), "{area}, {}: no scenario has {:?}", pick.name, pick.scenario);
            let has = found.iter().any(|spec| spec.plan.methods.iter().any(|method| method.name == pick.method));
            assert!(has, "{area}, {}: no such scenario has the method {}", pick.name, pick.method);
            looked_up += 1;
        }
    }
    assert!(looked_up > 30, "{looked_up}");
    assert_eq!(picks::ALL.map(|(area, _)| area), areas::ALL.map(|area| area.name()));
}

#[test]
fn every_list_of_names_in_the_sources_is_of_the_catalogue() {
    let catalogue = Catalogue::read();
    // The constant, the file, and the parameter that its words are values of; of none, they are methods.
    let lists = [
        ("READABLE", "src/cli/select.rs", None),
        ("BATCHING", "src/report/advice/sync_evidence.rs", None),
        ("REMEDY", "src/report/advice/sync_warnings.rs", Some("history")),
        ("HISTORIES", "src/report/curves.rs", Some("history")),
        ("USES", "src/report/curves.rs", Some("use")),
        ("PATTERNS", "src/report/curves.rs", Some("pattern")),
        ("GUARANTEES", "src/report/plots/ladder.rs", Some("guarantee")),
    ];
    for (name, file, param) in lists {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        let text = fs::read_to_string(&path).unwrap();
        let start = text.find(&format!("const {name}:")).unwrap_or_else(|| panic!("{file} has no constant {name}"));
        let end = start + text[start..].find(";\n").unwrap();
        let words = literals(&text[start..end]);
        assert!(!words.is_empty(), "{file}: {name} has no names");
        for (offset, word) in words {
            let known = match param {
                None => catalogue.methods.contains(&word),
                Some(param) => catalogue.has_param(param, &word),
            };
            assert!(known, "{}: {name} has {word:?}, which the catalogue does not", at(&path, &text, start + offset));
        }
    }
}

#[test]
fn the_methods_that_may_batch_are_those_that_the_catalogue_batches() {
    let catalogue = Catalogue::read();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/report/advice/sync_evidence.rs");
    let text = fs::read_to_string(path).unwrap();
    let start = text.find("const BATCHING:").unwrap();
    let list: BTreeSet<String> =
        literals(&text[start..start + text[start..].find(";\n").unwrap()]).into_iter().map(|(_, word)| word).collect();
    let batched = catalogue.specs.iter().filter(|spec| spec.plan.scenario.params.contains_key("every"));
    let methods = batched.flat_map(|spec| spec.plan.methods.iter().map(|method| method.name.clone()));
    assert_eq!(list, methods.collect::<BTreeSet<_>>());
}

#[test]
fn every_method_that_a_text_of_the_program_names_is_there() {
    let catalogue = Catalogue::read();
    let (mut wrong, mut looked_up) = (Vec::new(), 0);
    for (path, source) in sources() {
        for (offset, text) in literals(&source) {
            let (unknown, known) = unknown_methods(&catalogue, &text);
            wrong.extend(unknown.into_iter().map(|(_, name)| format!("{}: {name}", at(&path, &source, offset))));
            looked_up += known;
        }
    }
    assert!(wrong.is_empty(), "methods that the catalogue does not have:\n{}", wrong.join("\n"));
    assert!(looked_up > 30, "{looked_up}");
}

#[test]
fn every_parameter_that_reports_look_for_is_there() {
    let catalogue = Catalogue::read();
    let (mut wrong, mut looked_up) = (Vec::new(), 0);
    for (path, source) in sources().into_iter().filter(|(path, _)| path.to_str().unwrap().contains("/report/")) {
        for call in ["params.get(\"", "params.contains_key(\"", "param(study, \"", "number(study, \""] {
            for (place, _) in source.match_indices(call) {
                let rest = &source[place + call.len()..];
                let key = &rest[..rest.find('"').unwrap()];
                looked_up += 1;
                if !catalogue.params.contains_key(key) {
                    wrong.push(format!("{}: {key}", at(&path, &source, place)));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "parameters that the catalogue does not have:\n{}", wrong.join("\n"));
    assert!(looked_up > 10, "{looked_up}");
}

#[test]
fn every_method_that_a_document_names_is_there() {
    let catalogue = Catalogue::read();
    let (mut wrong, mut looked_up) = (Vec::new(), 0);
    for (path, text) in documents() {
        // In a table a bar is written behind a stroke.
        let text = text.replace("\\|", "|");
        let (unknown, known) = unknown_methods(&catalogue, &text);
        wrong.extend(unknown.into_iter().map(|(place, name)| format!("{}: {name}", at(&path, &text, place))));
        looked_up += known;
    }
    assert!(wrong.is_empty(), "methods that the catalogue does not have:\n{}", wrong.join("\n"));
    assert!(looked_up > 30, "{looked_up}");
}

#[test]
fn every_scenario_parameter_and_sweep_that_a_document_names_is_there() {
    let catalogue = Catalogue::read();
    let areas = areas::ALL.map(|area| format!("{}/", area.name()));
    let (mut wrong, mut looked_up) = (Vec::new(), 0);
    let mut check = |path: &Path, text: &str, place: usize, what: &str, known: bool| {
        looked_up += 1;
        if !known {
            wrong.push(format!("{}: {what}", at(path, text, place)));
        }
    };
    for (path, text) in documents() {
        for (place, area) in areas.iter().flat_map(|area| text.match_indices(area.as_str())) {
            let id = text[place..].split(|letter: char| letter.is_whitespace() || "`'\"()|,;".contains(letter)).next();
            let id = id.unwrap().trim_end_matches(['.', ':']);
            if id.contains('=') && !text[..place].ends_with('/') && id.len() > area.len() {
                check(&path, &text, place, id, catalogue.ids.contains(id));
            }
        }
        for (place, pair) in values_of(&text, "--where") {
            let known = pair.split_once('=').is_some_and(|(key, value)| catalogue.has_param(key, value));
            check(&path, &text, place, &format!("--where {pair}"), known);
        }
        for (place, pattern) in values_of(&text, "--method") {
            let known = glob::Pattern::new(pattern)
                .is_ok_and(|pattern| catalogue.methods.iter().any(|method| pattern.matches(method)));
            check(&path, &text, place, &format!("--method {pattern}"), known);
        }
        for (place, sweep) in values_of(&text, "--sweep") {
            check(&path, &text, place, &format!("--sweep {sweep}"), catalogue.sweeps.contains(sweep));
        }
        // Spans such as `touched=all`.
        for (place, span) in spans(&text) {
            let Some((key, value)) =
                span.split_once('=').filter(|(key, _)| key.bytes().all(|letter| letter.is_ascii_lowercase()))
            else {
                continue;
            };
            if catalogue.params.contains_key(key) && !value.is_empty() && !value.contains([' ', '…']) {
                check(&path, &text, place, span, catalogue.has_param(key, value));
            }
        }
    }
    assert!(wrong.is_empty(), "what the catalogue does not have:\n{}", wrong.join("\n"));
    assert!(looked_up > 15, "{looked_up}");
}

/// What stands between backticks on one line.
fn spans(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let mut place = start;
        for (index, part) in line.split('`').enumerate() {
            if index % 2 == 1 {
                found.push((place, part));
            }
            place += part.len() + 1;
        }
        start += line.len();
    }
    found
}

#[test]
fn a_name_that_is_not_in_the_catalogue_is_found_wherever_it_stands() {
    let catalogue = Catalogue::read();
    let unknown =
        |text: &str| -> Vec<String> { unknown_methods(&catalogue, text).0.into_iter().map(|(_, name)| name).collect() };
    assert_eq!(unknown("the time of pwrite+fdatsync, which wrote"), ["pwrite+fdatsync"]);
    assert_eq!(unknown("`mmap+msync(MS_SYNCH)` and `pwrite(O_DSYNK)`"), ["mmap+msync(MS_SYNCH)", "pwrite(O_DSYNK)"]);
    assert_eq!(unknown("pread 512K, io_uring x33"), ["pread 512K", "io_uring x33"]);
    assert_eq!(unknown("mmap+MADV_RANDOM+MADV_HUGEPAGE"), ["mmap+MADV_RANDOM+MADV_HUGEPAGE"]);
    let fine = "mmap(2), pread of 256 KiB, mmap+MADV_WILLNEED x32, `io_uring write+fdatasync`, pwrite(O_DIRECT|O_DSYNC), read(2), mmap + read";
    assert_eq!(unknown(fine), [""; 0]);
    assert_eq!(values_of("run --sweep pagez, `--sweep=pages` --sweep NAME", "--sweep"), [(4, "pagez"), (20, "pages")]);
}

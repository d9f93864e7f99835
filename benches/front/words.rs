//! Criterion's command line, as far as it has to be understood before Criterion sees it.

/// Options that take a value, which is not a filter.
const WITH_VALUE: [&str; 21] = [
    "-b",
    "-c",
    "-s",
    "--baseline",
    "--baseline-lenient",
    "--budget",
    "--color",
    "--confidence-level",
    "--format",
    "--load-baseline",
    "--measurement-time",
    "--noise-threshold",
    "--nresamples",
    "--output-format",
    "--plotting-backend",
    "--profile-time",
    "--sample-size",
    "--save-baseline",
    "--significance-level",
    "--wait",
    "--warm-up-time",
];

/// What was typed after `cargo bench --`.
pub struct Words {
    /// Words that are no option: parts of benchmarks' names.
    pub filters: Vec<String>,
    options: Vec<(String, Option<String>)>,
}

impl Words {
    /// Reads the command line of this process.
    pub fn read() -> Self {
        let mut words = std::env::args().skip(1);
        let (mut filters, mut options) = (Vec::new(), Vec::new());
        while let Some(word) = words.next() {
            if WITH_VALUE.contains(&word.as_str()) {
                options.push((word, words.next()));
            } else if let Some((name, value)) = word.split_once('=').filter(|_| word.starts_with("--")) {
                options.push((name.to_owned(), Some(value.to_owned())));
            } else if word.starts_with('-') {
                options.push((word, None));
            } else {
                filters.push(word);
            }
        }
        Self { filters, options }
    }

    /// The command line without the option `with_value` and the option `plain`.
    #[allow(dead_code, reason = "for Criterion alone")]
    pub fn without(with_value: &str, plain: &str) -> Vec<String> {
        let mut kept = Vec::new();
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            let is = |name: &str| word == name || word.strip_prefix(name).is_some_and(|rest| rest.starts_with('='));
            if word == with_value {
                words.next();
            } else if !is(with_value) && !is(plain) {
                kept.push(word);
            }
        }
        kept
    }

    /// Whether this is a measurement: not a list, and not a test that everything runs.
    pub fn measures(&self) -> bool {
        let other = ["--test", "--list", "--help", "-h", "--version", "-V"];
        self.has("--bench") && !other.into_iter().any(|word| self.has(word))
    }

    /// Whether an option was given.
    pub fn has(&self, name: &str) -> bool {
        self.options.iter().any(|(given, _)| given == name)
    }

    /// The value of the first of `names` that was given.
    pub fn value(&self, names: &[&str]) -> Option<&str> {
        self.options.iter().find(|(given, _)| names.contains(&given.as_str()))?.1.as_deref()
    }
}

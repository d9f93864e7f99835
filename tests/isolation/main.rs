//! What becomes of a study when one of its methods takes its worker down: real processes, methods made for the purpose.
//!
//! The program is its own worker, as pagewise is: called with `worker` it serves an order with the methods of [`deeds`].

mod deeds;
mod group;
#[path = "../skips/mod.rs"]
mod skips;

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use libtest_mimic::{Arguments, Failed, Trial};
use pagewise::engine::duty::Duty;
use pagewise::engine::interrupt::Interrupt;
use pagewise::engine::plan::{MethodPlan, Plan};
use pagewise::engine::process::{Death, Executor, Workers};
use pagewise::engine::protocol::{Answer, Asked, Size, Task};
use pagewise::engine::study::{self, Time};
use pagewise::engine::worker;
use pagewise::results::model::{Case, Scenario, Status, Study, Verdict};
use skips::{Lack, skip};
use tempfile::TempDir;

fn main() -> ExitCode {
    if std::env::args().nth(1).is_some_and(|word| word == "worker") {
        return serve();
    }
    let sentences = [
        ("a panic fails the method that it happened in, wherever that was", panics as fn()),
        ("a worker that dies by a signal fails the method in flight by the signal's name", signals),
        ("a worker that exits in the middle of its work fails the method in flight", exits),
        ("a method that kills its worker late in the study fails alone", a_late_death),
        ("a method that never ends fails when the limit of its worker is over", endless),
        ("a method that takes no time fails", no_time),
        ("what a method prints or closes does not reach the answer", output),
        ("what a method leaves behind ends with its worker", left_behind),
        ("a method that eats its control group's memory fails and the kernel is named", out_of_memory),
        ("a method that is refused memory fails by the allocator's last words", out_of_address_space),
        ("a baseline that takes its worker down leaves every row with a reason", a_deadly_baseline),
    ];
    let trials = sentences.map(|(sentence, test)| {
        // The marker of tests whose outcome time or load could change (CONTRIBUTING.md).
        let name = format!("timing::{}", sentence.replace([' ', '\''], "_").replace(',', ""));
        Trial::test(name, move || {
            test();
            Ok::<(), Failed>(())
        })
    });
    libtest_mimic::run(&Arguments::from_args(), trials.into()).exit_code()
}

/// The worker's side.
fn serve() -> ExitCode {
    // Signals that these methods die of leave no core behind.
    let _ = nix::sys::resource::setrlimit(nix::sys::resource::Resource::RLIMIT_CORE, 0, 0);
    let Ok(duty) = Duty::take_up() else { return ExitCode::FAILURE };
    let answer = worker::serve(&duty.order, &|method| deeds::open(&duty.order, method));
    match duty.fulfil(&answer) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// Workers on a clock on which each takes a tenth of a second, so that a slow machine has as many of them as a fast one.
struct Clocked<'a> {
    workers: Workers<'a>,
    tasks: u32,
}

impl Executor for Clocked<'_> {
    fn execute(&mut self, methods: &[Asked], task: Task, limit: Duration) -> Result<Answer, Death> {
        self.tasks += 1;
        self.workers.execute(methods, task, limit)
    }

    fn elapsed(&self) -> Duration {
        Duration::from_millis(100) * self.tasks
    }
}

/// A study of these methods, the first of them the baseline, in a folder of its own.
struct Trialled {
    study: Study,
    site: TempDir,
}

fn measure_with(methods: &[&str], catalogue: serde_json::Value, worker_limit: Option<Duration>) -> Trialled {
    let site = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let interrupt = Interrupt::watch().expect("signals");
    let workers = Workers {
        site: site.path().to_owned(),
        disk_stat: None,
        own_reads: false,
        catalogue,
        scenario: "test/isolation".to_owned(),
        interrupt: &interrupt,
        start: Instant::now(),
    };
    let mut executor = Clocked { workers, tasks: 0 };
    let time = Time { budget: Duration::from_secs(10), worker_limit };
    let study = study::run(&plan(methods), time, 7, &mut executor, &mut |_| {});
    drop(executor);
    Trialled { study, site }
}

/// A study with a steady baseline, a method that takes twice its time, and one that does a deed.
fn measure(deed: &str) -> Trialled {
    measure_with(&["steady", deed, "twice"], serde_json::Value::Null, None)
}

fn plan(methods: &[&str]) -> Plan {
    Plan {
        area: "test".to_owned(),
        scenario: Scenario {
            id: "test/isolation".to_owned(),
            question: String::new(),
            operation: String::new(),
            params: std::collections::BTreeMap::new(),
            state: None,
            history: None,
            guarantee: None,
        },
        methods: methods.iter().map(|name| MethodPlan::new(name, "")).collect(),
        baseline: 0,
        size: Size::Fixed(100),
        margin: 0.05,
        needs: Vec::new(),
        floors: Vec::new(),
        bytes_per_op: None,
        missing: Vec::new(),
        stamps: true,
    }
}

fn case<'a>(study: &'a Study, method: &str) -> &'a Case {
    study.cases.iter().find(|case| case.method == method).expect("a case")
}

/// The other methods have their figures and their verdict.
#[track_caller]
fn assert_the_others_stand(study: &Study, deed: &str) {
    let twice = case(study, "twice");
    assert_eq!(case(study, "steady").status, Status::Ok, "{deed}: {:?}", case(study, "steady").reason);
    assert_eq!(twice.status, Status::Ok, "{deed}: {:?}", twice.reason);
    assert_eq!(twice.ratio.expect("a ratio").verdict, Verdict::Slower, "{deed}: {:?}", twice.ratio);
    assert!(!study.tainted, "{deed}");
}

/// The deed's row is failed with all of these words, and the others stand.
#[track_caller]
fn assert_fails(deed: &str, words: &[&str]) {
    let trialled = measure(deed);
    assert_failed(&trialled.study, deed, words);
    assert_the_others_stand(&trialled.study, deed);
}

#[track_caller]
fn assert_failed(study: &Study, deed: &str, words: &[&str]) {
    let failed = case(study, deed);
    let reason = failed.reason.clone().unwrap_or_default();
    assert_eq!(failed.status, Status::Failed, "{deed}: {reason}");
    assert!(failed.ns_per_op.is_none() && failed.ratio.is_none() && failed.latency.is_none(), "{deed}");
    for word in words {
        assert!(reason.contains(word), "{deed}: no {word:?} in: {reason}");
    }
    assert!(!reason.contains('\n'), "{deed}: {reason}");
}

fn panics() {
    assert_fails("panics in open", &["exited with 101", "panicked at tests/isolation/deeds.rs", "no way in"]);
    assert_fails("panics in prepare", &["exited with 101", "nothing to begin with"]);
    assert_fails("panics in run", &["exited with 101", "two lines"]);
    assert_fails("panics in settle", &["exited with 101", "the proof fell over"]);
    assert_fails("panics when dropped", &["exited with 101", "let go"]);
}

fn signals() {
    assert_fails("is killed", &["was killed by SIGKILL"]);
    assert_fails("touches a page past the end", &["was killed by SIGBUS"]);
    assert_fails("aborts", &["was killed by SIGABRT"]);
}

fn exits() {
    assert_fails("exits with 3", &["exited with 3"]);
    assert_fails("exits with 0", &["gave no answer"]);
}

fn a_late_death() {
    let trialled = measure("is killed in the third worker");
    assert_failed(&trialled.study, "is killed in the third worker", &["was killed by SIGKILL"]);
    assert!(!case(&trialled.study, "is killed in the third worker").batches.ns.is_empty(), "it was measured before");
    assert_the_others_stand(&trialled.study, "is killed in the third worker");
}

fn endless() {
    for deed in ["loops", "sleeps", "closes every pipe and sleeps"] {
        let limit = Some(Duration::from_secs(5));
        let study = measure_with(&["steady", deed, "twice"], serde_json::Value::Null, limit).study;
        assert_failed(&study, deed, &["gave no answer in 5 s, and was killed"]);
        assert_the_others_stand(&study, deed);
    }
}

fn no_time() {
    assert_fails("takes no time", &["took no time"]);
}

fn output() {
    for deed in ["prints", "closes its output"] {
        let trialled = measure(deed);
        assert_the_others_stand(&trialled.study, deed);
        assert_eq!(case(&trialled.study, deed).status, Status::Ok, "{:?}", case(&trialled.study, deed).reason);
    }
}

fn left_behind() {
    let trialled = measure("leaves children");
    assert_eq!(case(&trialled.study, "leaves children").status, Status::Ok);
    let noted = fs::read_to_string(trialled.site.path().join(deeds::LEFT)).expect("children were left");
    assert!(noted.lines().count() > 10);
    let deadline = Instant::now() + Duration::from_secs(300);
    for pid in noted.lines() {
        // A zombie has no tasks' folder entry to read; whoever adopted it reaps it in its own time.
        while is_alive(pid) {
            assert!(Instant::now() < deadline, "process {pid} lives on");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// Neither gone nor a zombie that waits for its new parent.
fn is_alive(pid: &str) -> bool {
    let stat = fs::read_to_string(Path::new("/proc").join(pid).join("stat")).unwrap_or_default();
    let state = stat.rsplit_once(')').and_then(|(_, rest)| rest.trim_start().chars().next());
    state.is_some_and(|state| state != 'Z' && state != 'X')
}

fn out_of_memory() {
    let group = match group::Group::with_little_memory() {
        Ok(group) => group,
        Err(why) => return skip(Lack::MemoryCgroup, why),
    };
    let deed = "eats memory in a control group";
    let trialled = measure_with(&["steady", deed, "twice"], serde_json::json!({ "group": group.path() }), None);
    assert_failed(&trialled.study, deed, &["was killed by SIGKILL", "out-of-memory killer"]);
    assert_the_others_stand(&trialled.study, deed);
}

fn out_of_address_space() {
    assert_fails("eats more address space than it may", &["was killed by SIGABRT", "memory allocation of"]);
}

fn a_deadly_baseline() {
    let study = measure_with(&["is killed", "twice"], serde_json::Value::Null, None).study;
    assert_eq!(study.stop_reason, "failed");
    assert_failed(&study, "is killed", &["was killed by SIGKILL"]);
    assert_failed(&study, "twice", &["not measured", "baseline"]);
}
